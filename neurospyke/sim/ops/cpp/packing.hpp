// Weights of any layout as rows of maps, and back.
#pragma once

#include "band.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// Numbers of maps in rows of whole registers.
template <class T>
static int64_t padded_maps(int64_t maps) {
  const int64_t width = 64 / static_cast<int64_t>(sizeof(T));
  return (maps + width - 1) / width * width;
}

// Weights as rows of maps, input after input; in place where they already are.
template <class T>
struct Packing {
  const ConvolutionArgs& a;
  T* to;
  int64_t row, next;
};

// Calls move(line, weight, n): a register's width of maps of one input, in its row, and the first of
// those n weights. Goes through memory in the order in which weights usually lie there, so that of
// every line that is touched all is used while it is near.
template <class T, class Move>
static void each_line(Packing<T>& job, const Move& move) {
  constexpr int64_t SIDE = 64 / sizeof(T);
  const ConvolutionArgs& a = job.a;
  for (int64_t block; (block = next_task(job.next)) < job.row / SIDE;) {
    const int64_t first = block * SIDE, maps = least(SIDE, a.maps - first);
    for (int64_t c = 0; c < a.channels; ++c)
      for (int64_t i = 0; i < a.kernel_height; ++i)
        for (int64_t j = 0; j < a.kernel_width; ++j)
          move(job.to + ((i * a.kernel_width + j) * a.channels + c) * job.row + first,
               static_cast<const T*>(a.weight) + first * a.weight_map + c * a.weight_channel +
                   i * a.weight_row + j * a.weight_column,
               maps);
  }
}

template <class T>
static void pack_rows(void* context) {
  auto& job = *static_cast<Packing<T>*>(context);
  const int64_t step = job.a.weight_map;
  each_line(job, [step](T* to, const T* weight, int64_t n) {
    T line[64 / sizeof(T)] = {0};
    for (int64_t m = 0; m < n; ++m) line[m] = weight[m * step];
    memcpy(to, line, sizeof line);
  });
}

// The same where maps lie side by side already.
template <class T>
static void pack_dense_rows(void* context) {
  auto& job = *static_cast<Packing<T>*>(context);
  const ConvolutionArgs& a = job.a;
  const int64_t lines = a.kernel_height * a.kernel_width;
  for (int64_t line; (line = next_task(job.next)) < lines;) {
    const int64_t i = line / a.kernel_width, j = line % a.kernel_width;
    const T* from = static_cast<const T*>(a.weight) + i * a.weight_row + j * a.weight_column;
    T* to = job.to + line * a.channels * job.row;
    for (int64_t c = 0; c < a.channels; ++c) {
      memcpy(to + c * job.row, from + c * a.weight_channel, sizeof(T) * static_cast<size_t>(a.maps));
      memset(to + c * job.row + a.maps, 0, sizeof(T) * static_cast<size_t>(job.row - a.maps));
    }
  }
}

#if defined(__SSE2__)
// Whether each map's weights lie side by side, (channel, row, column).
static bool is_plain(const ConvolutionArgs& a) {
  const int64_t size = a.kernel_height * a.kernel_width;
  return !a.is_double && a.weight_column == 1 && a.weight_row == a.kernel_width &&
         a.weight_channel == size && a.channels * size >= 4;
}

// The same for such weights, four inputs of four maps at a time.
static void pack_plain_rows(void* context) {
  auto& job = *static_cast<Packing<float>*>(context);
  const ConvolutionArgs& a = job.a;
  const int64_t size = a.kernel_height * a.kernel_width, inputs = a.channels * size;
  for (int64_t block; (block = next_task(job.next)) < job.row / 16;) {
    const float* from = static_cast<const float*>(a.weight) + block * 16 * a.weight_map;
    const int64_t maps = least(16, a.maps - block * 16);
    for (int64_t next = 0; next < inputs; next += 4) {
      // the last four again where fewer are left
      const int64_t k = least(next, inputs - 4);
      float* to[4];
      for (int64_t i = 0; i < 4; ++i)
        to[i] = job.to + ((k + i) % size * a.channels + (k + i) / size) * job.row + block * 16;
      for (int64_t m = 0; m < 16; m += 4) {
        __m128 four[4];
        for (int64_t i = 0; i < 4; ++i)
          four[i] = m + i < maps ? _mm_loadu_ps(from + (m + i) * a.weight_map + k) : _mm_setzero_ps();
        _MM_TRANSPOSE4_PS(four[0], four[1], four[2], four[3]);
        for (int64_t i = 0; i < 4; ++i) _mm_store_ps(to[i] + m, four[i]);
      }
    }
  }
}
#endif

template <class T>
static bool is_packed(const ConvolutionArgs& a, int64_t row) {
  const bool rows = a.weight_map == 1 && a.weight_channel == row && a.maps == row;
  const bool lines = a.weight_column == row * a.channels || a.kernel_width == 1;
  const bool planes = a.weight_row == row * a.channels * a.kernel_width || a.kernel_height == 1;
  return rows && lines && planes && reinterpret_cast<uintptr_t>(a.weight) % 64 == 0;
}

// Moves weights between their own layout and rows, on as many threads as there is work for.
template <class T>
static void move_weights(const ConvolutionArgs& a, int64_t row, T* rows, void (*tasks)(void*)) {
  Packing<T> job{a, rows, row, 0};
  const int64_t size = a.kernel_height * a.kernel_width * a.channels * row;
  parallel(size < 1 << 15 ? 1 : a.threads, tasks, &job);
}

template <class T>
static void pack(const ConvolutionArgs& a, int64_t row, T* to) {
  auto* tasks = a.weight_map == 1 ? pack_dense_rows<T> : pack_rows<T>;
#if defined(__SSE2__)
  if (is_plain(a)) tasks = pack_plain_rows;
#endif
  move_weights(a, row, to, tasks);
}

// Weights in rows; followed, where asked for, by a row of zeros.
template <class T>
static const T* packed(const ConvolutionArgs& a, int64_t row, bool zeros) {
  if (!zeros && is_packed<T>(a, row)) return static_cast<const T*>(a.weight);
  const int64_t size = a.kernel_height * a.kernel_width * a.channels * row;
  T* to = static_cast<T*>(scratch(PACKED, sizeof(T) * static_cast<size_t>(size + row)));
  pack(a, row, to);
  memset(to + size, 0, sizeof(T) * static_cast<size_t>(row));
  return to;
}

// Rows of maps back into the weights, which the caller owns.
template <class T>
static void unpack_rows(void* context) {
  auto& job = *static_cast<Packing<T>*>(context);
  const int64_t step = job.a.weight_map;
  each_line(job, [step](const T* line, const T* weight, int64_t n) {
    T* to = const_cast<T*>(weight);
    for (int64_t m = 0; m < n; ++m) to[m * step] = line[m];
  });
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
