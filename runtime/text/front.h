/*===- front.h - What an executable does ---------------------------- C -*-===*/

#ifndef ASHLAR_RUNTIME_TEXT_FRONT_H
#define ASHLAR_RUNTIME_TEXT_FRONT_H

#include "runtime/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `main` for an artifact: prompts as arguments or lines of standard input, one
   result a line on standard output; see --help. Returns the exit status: 0, 1 =
   could not be done, 2 = usage. */
int ashlar_front(const ashlar_api *api, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif /* ASHLAR_RUNTIME_TEXT_FRONT_H */
