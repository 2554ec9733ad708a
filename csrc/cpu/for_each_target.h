// Compiles the file named by PYSAMPLER_KERNEL once per instruction set, each time in a namespace of its own:
// pysampler::portable, pysampler::avx2 and pysampler::avx512. The file is plain C++ that the compiler vectorises, so
// it holds no include and no template of the standard library. PYSAMPLER_TARGET_FUNCTION(target, name) picks one.
#include "target.h"

namespace pysampler {
namespace portable {
#include PYSAMPLER_KERNEL
}
}  // namespace pysampler

#if PYSAMPLER_X86_KERNELS
#include "target_begin_avx2.h"
namespace pysampler {
namespace avx2 {
#include PYSAMPLER_KERNEL
}
}  // namespace pysampler
#include "target_end.h"

#include "target_begin_avx512.h"
namespace pysampler {
namespace avx512 {
#include PYSAMPLER_KERNEL
}
}  // namespace pysampler
#include "target_end.h"

#define PYSAMPLER_TARGET_FUNCTION(target, name)                         \
  ((target) == ::pysampler::Target::kAvx512 ? ::pysampler::avx512::name \
   : (target) == ::pysampler::Target::kAvx2 ? ::pysampler::avx2::name   \
                                            : ::pysampler::portable::name)
#else
#define PYSAMPLER_TARGET_FUNCTION(target, name) (::pysampler::portable::name)
#endif

#undef PYSAMPLER_KERNEL
