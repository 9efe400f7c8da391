/*===- numbers.c - Functions of numbers, the same everywhere -------- C -*-===*/

#include "runtime/text/numbers.h"

#include <string.h>

/* The first part of ln 2 has 32 bits, so that its product with a small integer
   is exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33

static double scale_of(int64_t exponent) {
  uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double scale;
  memcpy(&scale, &bits, sizeof scale);
  return scale;
}

double ashlar_exp(double x) {
  /* 1 / n!, from n = 13 down: divisions would take most of the time. */
  static const double series[] = {1.0 / 6227020800,
                                  1.0 / 479001600,
                                  1.0 / 39916800,
                                  1.0 / 3628800,
                                  1.0 / 362880,
                                  1.0 / 40320,
                                  1.0 / 5040,
                                  1.0 / 720,
                                  1.0 / 120,
                                  1.0 / 24,
                                  1.0 / 6,
                                  0.5,
                                  1,
                                  1};
  if (!(x > -708))
    return 0;
  /* x = k ln 2 + r, |r| <= ln 2 / 2 */
  int64_t k = (int64_t)(x * 1.4426950408889634 - 0.5);
  double r = (x - (double)k * LN2_HIGH) - (double)k * LN2_LOW;
  double power = series[0];
  for (int i = 1; i < 14; ++i)
    power = series[i] + r * power;
  return power * scale_of(k);
}

double ashlar_log(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t exponent = (int64_t)(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
  double m; /* x = m * 2^exponent, sqrt(1/2) <= m < sqrt(2) */
  memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  /* ln m = 2 artanh(s) = 2 (s + s^3 / 3 + ...), |s| < 0.172 */
  double s = (m - 1) / (m + 1), square = s * s, series = 0;
  for (int i = 23; i > 1; i -= 2)
    series = (series + 1.0 / i) * square;
  double e = (double)exponent;
  return e * LN2_HIGH + (2 * s + (2 * s * series + e * LN2_LOW));
}

double ashlar_sqrt(double x) {
  if (!(x > 0))
    return 0;
  /* Half the exponent is a guess good to 3 bits; Newton doubles them. */
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = (bits >> 1) + ((uint64_t)1023 << 51);
  double root;
  memcpy(&root, &bits, sizeof root);
  for (int i = 0; i < 5; ++i)
    root = 0.5 * (root + x / root);
  return root;
}

double ashlar_power(double x, double y) {
  double exponent = y * ashlar_log(x);
  return exponent > 0 ? 1 / ashlar_exp(-exponent) : ashlar_exp(exponent);
}

uint64_t ashlar_random_next(ashlar_random *random) {
  uint64_t z = random->state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void ashlar_random_begin(ashlar_random *random, uint64_t seed,
                         uint64_t stream) {
  ashlar_random of_seed = {seed}, of_stream = {~stream};
  random->state = ashlar_random_next(&of_seed) + ashlar_random_next(&of_stream);
}

double ashlar_random_unit(ashlar_random *random) {
  return (double)(ashlar_random_next(random) >> 11) * 0x1p-53;
}
