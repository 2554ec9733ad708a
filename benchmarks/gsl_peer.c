/* GNU Scientific Library's alias table behind three functions that ctypes can call. */

#include <stdint.h>
#include <stdlib.h>

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

typedef struct {
    gsl_ran_discrete_t *table;
    gsl_rng *rng;
} GslPeer;

/* Builds a table from `items` weights; NULL if memory runs out. */
GslPeer *gsl_peer_new(size_t items, const double *weights) {
    GslPeer *peer = malloc(sizeof *peer);
    if (peer == NULL) return NULL;
    peer->table = gsl_ran_discrete_preproc(items, weights);
    peer->rng = gsl_rng_alloc(gsl_rng_mt19937);
    return peer;
}

void gsl_peer_draw(const GslPeer *peer, int64_t draws, int64_t *out) {
    for (int64_t i = 0; i < draws; ++i) out[i] = (int64_t)gsl_ran_discrete(peer->rng, peer->table);
}

void gsl_peer_free(GslPeer *peer) {
    if (peer == NULL) return;
    gsl_ran_discrete_free(peer->table);
    gsl_rng_free(peer->rng);
    free(peer);
}
