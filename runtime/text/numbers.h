/*===- numbers.h - Functions of numbers, the same everywhere -------- C -*-===*\
|*
|* Executables carry no libm, and a seed must give the same text with any.
|*
\*===----------------------------------------------------------------------===*/

#ifndef ASHLAR_RUNTIME_TEXT_NUMBERS_H
#define ASHLAR_RUNTIME_TEXT_NUMBERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* e to the power of x for x <= 0, within 4 units in the last place; 0 below
   -708. */
double ashlar_exp(double x);

/* The natural logarithm of a normal x > 0, within 1e-15 of its value, or of 1
   where the value is smaller. */
double ashlar_log(double x);

/* The square root of a normal x > 0, or of 0, within 2 units in the last
   place. */
double ashlar_sqrt(double x);

/* x to the power of y, for x >= 1 and a result between 1e-300 and 1e300. */
double ashlar_power(double x, double y);

/* Random numbers: splitmix64 (Steele, Lea and Flood 2014). */
typedef struct ashlar_random {
  uint64_t state;
} ashlar_random;

/* Streams of one seed do not overlap for all that is known: the state begins at
   the seed's first number plus the stream's. */
void ashlar_random_begin(ashlar_random *random, uint64_t seed, uint64_t stream);
uint64_t ashlar_random_next(ashlar_random *random);
/* In [0, 1): the upper 53 bits of the next number. */
double ashlar_random_unit(ashlar_random *random);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_NUMBERS_H */
