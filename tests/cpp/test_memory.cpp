// LargeBuffer: aligned memory with one owner.
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "check.h"
#include "cpu/runtime/memory.h"

namespace pysampler {
namespace {

void test_buffers_are_aligned_and_writable_to_their_last_byte() {
  for (const size_t bytes : {size_t{1}, size_t{63}, size_t{64}, size_t{100000}, (size_t{2} << 20) - 1, size_t{2} << 20,
                             (size_t{2} << 20) + 1, size_t{5000001}}) {
    const LargeBuffer buffer(bytes);
    CHECK(buffer.bytes() == bytes);
    CHECK(reinterpret_cast<uintptr_t>(buffer.as<char>()) % 64 == 0);
    std::memset(buffer.as<char>(), 0x5A, bytes);
    CHECK(buffer.as<char>()[bytes - 1] == 0x5A);
  }
}

void test_an_empty_buffer_owns_nothing() {
  const LargeBuffer none, zero(0);
  CHECK(none.as<char>() == nullptr && none.bytes() == 0);
  CHECK(zero.as<char>() == nullptr && zero.bytes() == 0);
}

void test_moving_hands_the_memory_over() {
  for (const size_t bytes : {size_t{100}, size_t{3} << 20}) {
    LargeBuffer a(bytes);
    char* const memory = a.as<char>();
    memory[0] = 7;
    LargeBuffer b(std::move(a));
    CHECK(b.as<char>() == memory && b.bytes() == bytes);
    CHECK(a.as<char>() == nullptr && a.bytes() == 0);
    LargeBuffer c(64);
    c = std::move(b);
    CHECK(c.as<char>() == memory && c.bytes() == bytes && c.as<char>()[0] == 7);
    LargeBuffer& itself = c;
    c = std::move(itself);
    CHECK(c.as<char>() == memory && c.bytes() == bytes);
  }
}

void test_buffers_of_mixed_sizes_live_in_containers() {
  std::vector<LargeBuffer> buffers;
  for (size_t i = 0; i < 40; ++i) buffers.emplace_back(i * 200000);
  for (size_t i = 1; i < 40; ++i) std::memset(buffers[i].as<char>(), static_cast<int>(i), buffers[i].bytes());
  buffers.erase(buffers.begin() + 1, buffers.begin() + 20);
  for (size_t i = 1; i < buffers.size(); ++i)
    CHECK(buffers[i].as<char>()[buffers[i].bytes() - 1] == static_cast<char>(i + 19));
}

void test_an_impossible_size_throws_bad_alloc() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  skip("an impossible size", "sanitizers end the program where operator new would throw");
#else
  CHECK(THROWS(LargeBuffer(size_t{1} << 46), std::bad_alloc));
#endif
}

}  // namespace
}  // namespace pysampler

int main() {
  using namespace pysampler;
  RUN(test_buffers_are_aligned_and_writable_to_their_last_byte);
  RUN(test_an_empty_buffer_owns_nothing);
  RUN(test_moving_hands_the_memory_over);
  RUN(test_buffers_of_mixed_sizes_live_in_containers);
  RUN(test_an_impossible_size_throws_bad_alloc);
  return finish_tests();
}
