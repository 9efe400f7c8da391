/* The least that an artifact can be linked from: its plan as a table. */
#include "runtime/api.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <math.h>

extern const ashlar_plan ashlar_artifact_plan;

static int64_t counter; /* zero-filled data beside the weights */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *argument) {
  pthread_mutex_lock(&lock);
  ++*(int64_t *)argument;
  pthread_mutex_unlock(&lock);
  return 0;
}

void ashlar_barrier(struct ashlar_team *team) { (void)team; }

ashlar_status ashlar_open(const ashlar_weights_source *weights,
                          ashlar_model **model) {
  struct stat status;
  pthread_t thread;
  (void)weights;
  if (stat("/", &status) != 0)
    return ASHLAR_IO_ERROR;
  if (pthread_create(&thread, 0, work, &counter) != 0)
    return ASHLAR_THREAD_ERROR;
  pthread_join(thread, 0);
  if (exp((double)counter) < 2.0)
    return ASHLAR_THREAD_ERROR;
  *model = (ashlar_model *)&counter;
  return ASHLAR_OK;
}

const ashlar_api *ashlar_get_api(void) {
  static const ashlar_api api = {.abi_version = ASHLAR_ABI_VERSION,
                                 .plan = &ashlar_artifact_plan,
                                 .open = ashlar_open};
  return &api;
}
