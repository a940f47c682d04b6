// The plain C interface: which instruction set, how many threads, whose memory.
#include <pthread.h>

#include <atomic>
#include <chrono>
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
    grow(helpers);
    body_ = body;
    context_ = context;
    seats_.store(static_cast<uint64_t>(helpers));
    if (sleeping_.load() > 0) {
      { const std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    body(context);
    // from here on nobody sits down any more
    seats_.fetch_and(~FREE);
    const auto all_left = [this] { return seats_.load() == 0; };
    if (look_for(all_left)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    caller_sleeps_.store(true);
    done_.wait(lock, all_left);
    caller_sleeps_.store(false);
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
    const auto work = [this] { return (seats_.load() & FREE) != 0; };
    for (;;) {
      if (!look_for(work)) {
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, work);
        sleeping_.fetch_sub(1);
      }
      uint64_t seats = seats_.load();
      while ((seats & FREE) != 0 && !seats_.compare_exchange_weak(seats, seats - 1 + TAKEN)) {
      }
      if ((seats & FREE) == 0) continue;
      body_(context_);
      if (seats_.fetch_sub(TAKEN) == TAKEN && caller_sleeps_.load()) {
        { const std::lock_guard<std::mutex> lock(mutex_); }
        done_.notify_one();
      }
    }
  }

  // Waits a while without sleeping, for to be woken takes longer than most calls: the next layer's
  // follows soon, and threads that share tasks end at nearly the same time.
  template <class Condition>
  static bool look_for(const Condition& met) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point end = Clock::now() + AWAKE;
    do {
      for (int i = 0; i < 32; ++i) {
        if (met()) return true;
        relax();
      }
    } while (Clock::now() < end);
    return met();
  }

  static void relax() {
#if defined(NEUROSPYKE_X86)
    __builtin_ia32_pause();
#endif
  }

  static constexpr std::chrono::microseconds AWAKE{200};
  static constexpr uint64_t TAKEN = uint64_t{1} << 32, FREE = TAKEN - 1;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::atomic<uint64_t> seats_{0};  // free ones, and above them those taken
  std::atomic<int> sleeping_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  int64_t n_threads_ = 0;
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
NEUROSPYKE_C int neurospyke_interface() { return 6; }

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
