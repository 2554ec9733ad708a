// What passes are handed to: launches them, or has them loaded.
#pragma once

#include "cuda/launch.cuh"

namespace pysampler::cuda {

// Launches what it is handed, until something fails.
struct StreamQueue {
  Place place;
  Status status;

  template <class Body>
  void team(const Body& body, uint32_t blocks) {
    if (status == kSuccess) status = launch_team(body, blocks, place);
  }
  template <class Body>
  void body(const Body& body, Grid grid) {
    if (status == kSuccess) status = launch(body, grid, place);
  }
};

// Loads what it is handed, until something fails.
struct LoadingQueue {
  Status status;

  template <class Body>
  void team(const Body&, uint32_t) {
    if (status == kSuccess) status = load_team_kernel<Body>();
  }
  template <class Body>
  void body(const Body&, Grid) {
    if (status == kSuccess) status = load_kernel<Body>();
  }
};

}  // namespace pysampler::cuda
