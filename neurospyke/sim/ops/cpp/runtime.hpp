// What the kernels share across instruction sets: arguments, threads, scratch memory.
//
// Kernels are compiled once for each instruction set. They therefore use nothing from the C++
// library that a linker could merge between them; threads and memory live behind these functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace neurospyke {

constexpr uint8_t SILENT = 255;

// Slots of the optional work counters.
enum Work { WINDOWS, WINDOWS_PASSED_OVER, EVENTS, ADDITIONS, N_WORK };

// Every field has eight bytes, so that a caller can fill the struct as an array of integers.
struct ConvolutionArgs {
  const uint8_t* latency;  // (batch, channel, height, width), any strides, in elements
  int64_t batch, channels, height, width;
  int64_t latency_batch, latency_channel, latency_row, latency_column;
  const void* weight;  // (map, channel, kernel row, kernel column), any strides, in elements
  int64_t maps, kernel_height, kernel_width;
  int64_t weight_map, weight_channel, weight_row, weight_column;
  const void* threshold;  // (map,), or null to read out in the last bin
  int64_t n_bins, down, across, top, bottom, left, right;
  int64_t is_double;
  uint8_t* latency_out;  // channels last, dense; (batch, 1, height, width) when inhibited
  void* potential_out;   // as latency_out, or null
  int64_t* maps_out;     // (batch, 1, height, width); not null asks for inhibition
  int64_t pool_height, pool_width, pool_down, pool_across;  // pool_height 0: no pooling
  int64_t pool_top, pool_bottom, pool_left, pool_right;
  int64_t threads;
  int64_t* work;  // N_WORK counters to add to, or null
};

struct PoolArgs {
  const uint8_t* latency;
  int64_t batch, channels, height, width;
  int64_t latency_batch, latency_channel, latency_row, latency_column;
  int64_t pool_height, pool_width, pool_down, pool_across;
  int64_t pool_top, pool_bottom, pool_left, pool_right;
  uint8_t* latency_out;  // channels last, dense
  int64_t threads;
};

struct InhibitionArgs {
  const uint8_t* latency;
  const void* potential;
  int64_t batch, maps, height, width;
  int64_t latency_batch, latency_map, latency_row, latency_column;
  int64_t potential_batch, potential_map, potential_row, potential_column;
  int64_t is_double;
  uint8_t* latency_out;  // channels last, dense
  void* potential_out;
  int64_t threads;
};

struct WinnersArgs {
  const uint8_t* latency;
  const void* potential;
  const int64_t* maps_in;  // map of each position, dense (batch, height, width), or null
  int64_t batch, maps, height, width;
  int64_t latency_batch, latency_map, latency_row, latency_column;
  int64_t potential_batch, potential_map, potential_row, potential_column;
  int64_t is_double;
  int64_t k, radius;     // radius -1: no square is cleared
  int64_t* winners_out;  // (batch, k, 3), dense
  int64_t threads;
};

// What a winner learns; all in the dtype of the weights.
struct Rule {
  const void* rate_positive;  // (map,), or (batch, map) with `rate_batch` maps between samples
  const void* rate_negative;
  int64_t rate_batch;
  const void* lower;  // (map,)
  const void* upper;
  const void* window;  // factors at lags -(n - 1) to n - 1 and of silence, or null
  int64_t window_bins;  // n
  int64_t stabilizer, clamp_all;
};

struct StdpArgs {
  void* weight;  // changed in place
  int64_t maps, channels, kernel_height, kernel_width;
  int64_t weight_map, weight_channel, weight_row, weight_column;
  const uint8_t* latency_in;
  int64_t batch, height, width;
  int64_t in_batch, in_channel, in_row, in_column;
  const uint8_t* latency_out;
  int64_t out_maps, out_height, out_width;  // out_maps 1: the one map that spiked at a position
  int64_t out_batch, out_map, out_row, out_column;
  const int64_t* winners;  // (batch, k, 3), dense
  int64_t k;
  Rule rule;
  int64_t down, across, top, left;
  int64_t is_double;
  int64_t threads;
};

struct LearningArgs {
  ConvolutionArgs layer;  // its results are not asked for
  void* weight_out;       // as its weight, of strides of its own
  int64_t out_map, out_channel, out_row, out_column;
  int64_t k, radius;
  int64_t* winners_out;
  Rule rule;
  int64_t online;
};

// Everything of one dtype, dense; (time, batch, unit), (batch, unit) or (unit,).
struct ScanArgs {
  const void* current;
  int64_t time, batch, units;
  const void* recurrent;    // (from, to) forwards, (to, from) backwards, or null
  const void* decay;        // (unit,)
  const void* trace_decay;  // (unit,), or null without adaptation
  const void* membrane_start;
  const void* spikes_start;
  const void* trace_start;
  double threshold, adaptation;
  int64_t immediate, reset_decays, is_double;
  void* spikes;
  void* membrane;      // or null
  void* traces;        // before every eighth step, or null
  void* membrane_end;
  void* trace_end;
  int64_t threads;
};

struct ScanGradientArgs {
  ScanArgs scan;  // as it was, with what it gave
  int64_t surrogate;
  const void* of_spikes;  // gradients that come in; each may be null
  const void* of_membrane;
  const void* of_membrane_end;
  const void* of_trace_end;
  void* of_current;  // gradients that go out
  void* of_recurrent;  // (from, to), or null
  void* of_decay;      // (batch, unit)
  void* of_trace_decay;
  void* to_membrane;  // of the state at the start
  void* to_spikes;
  void* to_trace;
};

// Forwards out = bias + inputs table, backwards out = inputs^T of_out; both only add where an input
// is not zero, and leave `out` alone where more than `most` are not.
struct ProjectionArgs {
  const void* inputs;  // (row, channel)
  int64_t rows, channels, units;
  const void* table;   // (channel, unit) forwards
  const void* bias;    // (unit,) forwards
  const void* of_out;  // (row, unit) backwards, or null
  int64_t is_double;
  void* out;           // (row, unit) forwards, (channel, unit) backwards
  int64_t threads, most;
  int64_t* active;     // inputs that are not zero
};

// Callers fill these structs as plain numbers of eight bytes.
static_assert(sizeof(ConvolutionArgs) == 39 * 8 && sizeof(PoolArgs) == 19 * 8 &&
              sizeof(InhibitionArgs) == 18 * 8 && sizeof(WinnersArgs) == 20 * 8 &&
              sizeof(Rule) == 9 * 8 && sizeof(StdpArgs) == 42 * 8 &&
              sizeof(LearningArgs) == 57 * 8 &&
              sizeof(ScanArgs) == 21 * 8 && sizeof(ScanGradientArgs) == 33 * 8 &&
              sizeof(ProjectionArgs) == 12 * 8);

struct Kernels {
  void (*convolution)(const ConvolutionArgs&);
  void (*pool)(const PoolArgs&);
  void (*inhibition)(const InhibitionArgs&);
  void (*winners)(const WinnersArgs&);
  void (*stdp)(const StdpArgs&);
  void (*learning)(const LearningArgs&);
  void (*scan)(const ScanArgs&);
  void (*scan_gradient)(const ScanGradientArgs&);
  void (*projection)(const ProjectionArgs&);
  int64_t (*row_additions)(int64_t rows, int64_t maps, int64_t repeats);
};

// Calls body(context) in up to `threads` threads at once, the caller's among them, and returns when
// all have returned. The body takes tasks until none is left; how many threads came changes nothing.
void parallel(int64_t threads, void (*body)(void*), void* context);

// The next task of a shared counter.
int64_t next_task(int64_t& counter);

void add_work(int64_t& counter, int64_t amount);

// Memory of this thread that stays valid until it asks for the same slot again; 64-byte aligned,
// with 64 spare bytes on either side.
enum Slot {
  PACKED, THRESHOLDS, BAND, COUNTS_OF, STRIP, LISTS, ROWS, LOWEST, MAPS, COMPETITION, SCAN, PANELS,
  LEARNED, MOST_POTENTIAL, CONTEST, COUNTED, OUTCOME, N_SLOTS
};
void* scratch(Slot slot, size_t bytes);

}  // namespace neurospyke
