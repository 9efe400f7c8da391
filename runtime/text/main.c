/*===- main.c - Entry point of an executable ------------------------ C -*-===*/

#include "runtime/text/front.h"

int main(int argc, char **argv) {
  return ashlar_front(ashlar_get_api(), argc, argv);
}
