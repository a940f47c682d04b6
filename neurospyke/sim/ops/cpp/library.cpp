// The plain C interface: which instruction set, how many threads, whose memory.
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "runtime.hpp"

namespace neurospyke {

extern const Kernels kernels_baseline;
#if defined(NEUROSPYKE_X86)
extern const Kernels kernels_avx2;
extern const Kernels kernels_avx512;
#endif

namespace {

// Threads that wait for work. One caller at a time has them; others do their work alone.
class Pool {
 public:
  bool try_enter() { return !busy_.test_and_set(std::memory_order_acquire); }
  void leave() { busy_.clear(std::memory_order_release); }

  void run(int64_t helpers, void (*body)(void*), void* context) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      grow(helpers);
      body_ = body;
      context_ = context;
      seats_ = helpers;
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    body(context);
    std::unique_lock<std::mutex> lock(mutex_);
    seats_ = 0;
    done_.wait(lock, [this] { return seated_ == 0; });
  }

 private:
  // As many threads as the system gives; fewer only take longer.
  void grow(int64_t helpers) {
    try {
      for (; n_threads_ < helpers; ++n_threads_) std::thread(&Pool::serve, this).detach();
    } catch (const std::system_error&) {
    }
  }

  void serve() {
    uint32_t seen = 0;
    for (;;) {
      // the next call often follows at once, so look for it a while before going to sleep
      for (int spin = 0; spin < SPINS && round_.load(std::memory_order_acquire) == seen; ++spin) relax();
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_.load(std::memory_order_relaxed) != seen; });
      seen = round_.load(std::memory_order_relaxed);
      if (seats_ == 0) continue;
      --seats_;
      ++seated_;
      void (*body)(void*) = body_;
      void* context = context_;
      lock.unlock();
      body(context);
      lock.lock();
      if (--seated_ == 0) done_.notify_one();
    }
  }

  static void relax() {
#if defined(NEUROSPYKE_X86)
    __builtin_ia32_pause();
#endif
  }

  static constexpr int SPINS = 2000;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::atomic<uint32_t> round_{0};
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  int64_t n_threads_ = 0, seats_ = 0, seated_ = 0;
  void (*body_)(void*) = nullptr;
  void* context_ = nullptr;
};

// Never destroyed, because its threads may outlive everything else; a forked child, which has
// none of them, starts a pool of its own.
std::atomic<Pool*> pool{nullptr};

Pool* the_pool() {
  Pool* found = pool.load(std::memory_order_acquire);
  if (found) return found;
  static const int registered = pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); });
  (void)registered;
  Pool* made = new (std::nothrow) Pool;
  if (pool.compare_exchange_strong(found, made)) return made;
  delete made;
  return found;
}

struct Memory {
  void* start[N_SLOTS] = {};
  size_t size[N_SLOTS] = {};
  ~Memory() {
    for (void* one : start) std::free(one);
  }
};
thread_local Memory memory;

const Kernels* kernels_of(int isa) {
#if defined(NEUROSPYKE_X86)
  __builtin_cpu_init();
  if (isa == 2)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")
               ? &kernels_avx512
               : nullptr;
  if (isa == 1)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                   __builtin_cpu_supports("bmi2")
               ? &kernels_avx2
               : nullptr;
#endif
  return isa == 0 ? &kernels_baseline : nullptr;
}

int best_isa() {
  for (int isa = 2; isa > 0; --isa)
    if (kernels_of(isa)) return isa;
  return 0;
}

std::atomic<int> chosen{-1};

int current_isa() {
  int isa = chosen.load(std::memory_order_relaxed);
  if (isa < 0) chosen.store(isa = best_isa(), std::memory_order_relaxed);
  return isa;
}

}  // namespace

void parallel(int64_t threads, void (*body)(void*), void* context) {
  Pool* shared = threads > 1 ? the_pool() : nullptr;
  if (!shared || !shared->try_enter()) return body(context);
  shared->run(threads - 1, body, context);
  shared->leave();
}

int64_t next_task(int64_t& counter) { return __atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED); }

void add_work(int64_t& counter, int64_t amount) {
  __atomic_fetch_add(&counter, amount, __ATOMIC_RELAXED);
}

// Under a sanitizer memory is new each time, so that its end is where it was asked to be.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool KEEP = false;
#else
constexpr bool KEEP = true;
#endif

void* scratch(Slot slot, size_t bytes) {
  constexpr size_t SPARE = 64, LINE = 64;
  const size_t wanted = bytes + 2 * SPARE;
  if (!KEEP || memory.size[slot] < wanted) {
    std::free(memory.start[slot]);
    memory.size[slot] = 0;
    if (posix_memalign(&memory.start[slot], LINE, wanted)) std::abort();
    memory.size[slot] = wanted;
  }
  return static_cast<char*>(memory.start[slot]) + SPARE;
}

}  // namespace neurospyke

using namespace neurospyke;

#define NEUROSPYKE_C extern "C" __attribute__((visibility("default")))

// Changes with every structure or function, so that a library of another age is not called.
NEUROSPYKE_C int neurospyke_interface() { return 5; }

// 0 baseline, 1 AVX2, 2 AVX-512; -1 asks for the best. Returns what is in use from then on.
NEUROSPYKE_C int neurospyke_isa(int isa) {
  if (isa == -1) isa = best_isa();
  if (isa >= 0 && kernels_of(isa)) chosen.store(isa, std::memory_order_relaxed);
  return current_isa();
}

NEUROSPYKE_C void neurospyke_convolution(const ConvolutionArgs* a) {
  kernels_of(current_isa())->convolution(*a);
}
NEUROSPYKE_C void neurospyke_pool(const PoolArgs* a) { kernels_of(current_isa())->pool(*a); }
NEUROSPYKE_C void neurospyke_inhibition(const InhibitionArgs* a) {
  kernels_of(current_isa())->inhibition(*a);
}
NEUROSPYKE_C void neurospyke_winners(const WinnersArgs* a) {
  kernels_of(current_isa())->winners(*a);
}
NEUROSPYKE_C void neurospyke_stdp(const StdpArgs* a) { kernels_of(current_isa())->stdp(*a); }
NEUROSPYKE_C void neurospyke_learning(const LearningArgs* a) {
  kernels_of(current_isa())->learning(*a);
}
NEUROSPYKE_C void neurospyke_scan(const ScanArgs* a) { kernels_of(current_isa())->scan(*a); }
NEUROSPYKE_C void neurospyke_scan_gradient(const ScanGradientArgs* a) {
  kernels_of(current_isa())->scan_gradient(*a);
}
NEUROSPYKE_C void neurospyke_projection(const ProjectionArgs* a) {
  kernels_of(current_isa())->projection(*a);
}
NEUROSPYKE_C int64_t neurospyke_row_additions(int64_t rows, int64_t maps, int64_t repeats) {
  return kernels_of(current_isa())->row_additions(rows, maps, repeats);
}
