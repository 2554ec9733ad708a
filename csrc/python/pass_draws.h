// What one epoch draws, addressable by position: the seam between what can be drawn from and who hands it out.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/stream.h"
#include "cpu/runtime/parallel.h"
#include "python/table.h"

namespace pysampler::python {

// Immutable, and needs no GIL: any number of threads may call it at once. The last reference is dropped with the GIL
// held.
class PassDraws {
 public:
  virtual ~PassDraws() = default;

  // out[i] = the draw at position start + i * step. All positions lie within the epoch.
  virtual void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const = 0;

  // The same for positions beyond the epoch's end, which fill up the last of several ranks' shares.
  virtual void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const = 0;

  // The same as `draw` for many positions, on several threads. Throws Interrupted.
  virtual void draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out, const Execution& execution) const;

  // The same as int32, where all indices fit.
  virtual void draw_all_int32(uint64_t start, uint64_t step, uint64_t count, int32_t* out,
                              const Execution& execution) const;

  // A number that moves whenever `draw` would give something else than before; null if it never does.
  virtual const std::atomic<uint64_t>* version() const { return nullptr; }
};

// The number behind PassDraws::version, which a source and all its passes share.
struct Version {
  std::atomic<uint64_t> number{0};
};

// An alias table's stream.
class StreamDraws final : public PassDraws {
 public:
  StreamDraws(std::shared_ptr<Table> table, uint64_t seed, uint64_t epoch)
      : table_(std::move(table)),
        stream_(make_stream(seed, epoch)),
        padding_(make_stream(seed, epoch, Tag::kPadding)) {}

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void draw_all(uint64_t start, uint64_t step, uint64_t count, int64_t* out,
                const Execution& execution) const override;
  void draw_all_int32(uint64_t start, uint64_t step, uint64_t count, int32_t* out,
                      const Execution& execution) const override;

 private:
  std::shared_ptr<Table> table_;
  Stream stream_, padding_;
};

// Keyed random orders of [0, items), one after another: position p is element p % items of permutation p / items. What
// fills up the ranks' shares goes on in the same way.
class ShuffledDraws final : public PassDraws {
 public:
  ShuffledDraws(uint64_t items, uint64_t seed, uint64_t epoch);

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;

 private:
  uint64_t items_;
  Stream stream_;
};

// Ready draws: a buffer of int64, kept alive. Others, by the same positions, fill up the ranks' shares.
class BufferDraws final : public PassDraws {
 public:
  BufferDraws(const pybind11::buffer& buffer, std::shared_ptr<PassDraws> padding);

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;

 private:
  pybind11::buffer_info view_;
  std::shared_ptr<PassDraws> padding_;
};

// Draws that Python functions compute: each is called with (start, step, count), with the GIL held, and returns a
// contiguous buffer of so many int64.
class CallbackDraws final : public PassDraws {
 public:
  CallbackDraws(pybind11::function draw, pybind11::function pad, std::shared_ptr<Version> version)
      : draw_(std::move(draw)), pad_(std::move(pad)), version_(std::move(version)) {}

  void draw(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  void pad(uint64_t start, uint64_t step, uint64_t count, int64_t* out) const override;
  const std::atomic<uint64_t>* version() const override { return version_ ? &version_->number : nullptr; }

 private:
  pybind11::function draw_, pad_;
  std::shared_ptr<Version> version_;
};

void bind_pass_draws(pybind11::module_& module);

}  // namespace pysampler::python
