// Rows of numbers, a register at a time, on AVX-512, AVX2 or whatever the compiler offers.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define NEUROSPYKE_INLINE inline __attribute__((always_inline))

namespace neurospyke {
namespace NEUROSPYKE_ISA {

template <class T>
struct Lanes;

#if defined(__AVX512VBMI2__)

constexpr int REGISTERS = 32;

template <>
struct Lanes<float> {
  using Vec = __m512;
  using Count = __m512i;
  static constexpr int width = 16;
  static constexpr bool masked = true;  // lanes are chosen without branches
  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec all(float x) { return _mm512_set1_ps(x); }
  static Vec load(const float* p) { return _mm512_load_ps(p); }
  static void store(float* p, Vec a) { _mm512_store_ps(p, a); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  // a b + c, rounded once where the machine can; for sums that are held to tolerances only
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  // a + b where `on` is all ones, a where it is 0
  static Vec add_if(Vec a, Vec b, uint32_t on) {
    return _mm512_mask_add_ps(a, _cvtu32_mask16(on), a, b);
  }
  static Vec lower(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec higher(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static uint32_t above(Vec a, Vec b) {
    return _cvtmask16_u32(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ));
  }
  static uint32_t not_zero(Vec a) {
    return _cvtmask16_u32(_mm512_cmp_ps_mask(a, zero(), _CMP_NEQ_UQ));
  }
  static Vec put(Vec a, uint32_t lanes, Vec b) {
    return _mm512_mask_mov_ps(a, _cvtu32_mask16(lanes), b);
  }
  static void put_bytes(uint8_t* p, uint32_t lanes, uint8_t value) {
    _mm_mask_storeu_epi8(p, _cvtu32_mask16(lanes), _mm_set1_epi8(static_cast<char>(value)));
  }
  static Count none() { return _mm512_setzero_si512(); }
  static Count count_unless_above(Count n, Vec a, Vec b) {
    return _mm512_mask_add_epi32(n, _mm512_cmp_ps_mask(a, b, _CMP_NGT_UQ), n, _mm512_set1_epi32(1));
  }
  static void store_bytes(uint8_t* p, Count n) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(n));
  }
};

template <>
struct Lanes<double> {
  using Vec = __m512d;
  static constexpr int width = 8;
  static constexpr bool masked = true;
  static Vec zero() { return _mm512_setzero_pd(); }
  static Vec all(double x) { return _mm512_set1_pd(x); }
  static Vec load(const double* p) { return _mm512_load_pd(p); }
  static void store(double* p, Vec a) { _mm512_store_pd(p, a); }
  static Vec add(Vec a, Vec b) { return _mm512_add_pd(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_pd(a, b, c); }
  static Vec add_if(Vec a, Vec b, uint32_t on) {
    return _mm512_mask_add_pd(a, _cvtu32_mask8(on), a, b);
  }
  static Vec lower(Vec a, Vec b) { return _mm512_min_pd(a, b); }
  static Vec higher(Vec a, Vec b) { return _mm512_max_pd(a, b); }
  static uint32_t above(Vec a, Vec b) {
    return _cvtmask8_u32(_mm512_cmp_pd_mask(a, b, _CMP_GT_OQ));
  }
  static uint32_t not_zero(Vec a) {
    return _cvtmask8_u32(_mm512_cmp_pd_mask(a, zero(), _CMP_NEQ_UQ));
  }
  static Vec put(Vec a, uint32_t lanes, Vec b) {
    return _mm512_mask_mov_pd(a, _cvtu32_mask8(static_cast<uint8_t>(lanes)), b);
  }
  static void put_bytes(uint8_t* p, uint32_t lanes, uint8_t value) {
    _mm_mask_storeu_epi8(p, _cvtu32_mask16(lanes), _mm_set1_epi8(static_cast<char>(value)));
  }
};

#elif defined(__AVX2__)

constexpr int REGISTERS = 16;

template <>
struct Lanes<float> {
  using Vec = __m256;
  using Count = __m256i;
  static constexpr int width = 8;
  static constexpr bool masked = false;
  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec all(float x) { return _mm256_set1_ps(x); }
  static Vec load(const float* p) { return _mm256_load_ps(p); }
  static void store(float* p, Vec a) { _mm256_store_ps(p, a); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static Vec add_if(Vec a, Vec b, uint32_t on) {
    const __m256 kept = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(on)));
    return _mm256_add_ps(a, _mm256_and_ps(b, kept));
  }
  static Vec lower(Vec a, Vec b) { return _mm256_min_ps(a, b); }
  static Vec higher(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static uint32_t above(Vec a, Vec b) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)));
  }
  static uint32_t not_zero(Vec a) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a, zero(), _CMP_NEQ_UQ)));
  }
  static Vec put(Vec a, uint32_t lanes, Vec b) {
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i chosen = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(lanes)), bit);
    return _mm256_blendv_ps(a, b, _mm256_castsi256_ps(_mm256_cmpeq_epi32(chosen, bit)));
  }
  static void put_bytes(uint8_t* p, uint32_t lanes, uint8_t value) {
    for (; lanes; lanes &= lanes - 1) p[__builtin_ctz(lanes)] = value;
  }
  static Count none() { return _mm256_setzero_si256(); }
  static Count count_unless_above(Count n, Vec a, Vec b) {
    return _mm256_sub_epi32(n, _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_NGT_UQ)));
  }
  static void store_bytes(uint8_t* p, Count n) {
    const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(n), _mm256_extracti128_si256(n, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(words, words));
  }
};

template <>
struct Lanes<double> {
  using Vec = __m256d;
  static constexpr int width = 4;
  static constexpr bool masked = false;
  static Vec zero() { return _mm256_setzero_pd(); }
  static Vec all(double x) { return _mm256_set1_pd(x); }
  static Vec load(const double* p) { return _mm256_load_pd(p); }
  static void store(double* p, Vec a) { _mm256_store_pd(p, a); }
  static Vec add(Vec a, Vec b) { return _mm256_add_pd(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_pd(a, b, c); }
  static Vec add_if(Vec a, Vec b, uint32_t on) {
    const __m256d kept = _mm256_castsi256_pd(_mm256_set1_epi32(static_cast<int>(on)));
    return _mm256_add_pd(a, _mm256_and_pd(b, kept));
  }
  static Vec lower(Vec a, Vec b) { return _mm256_min_pd(a, b); }
  static Vec higher(Vec a, Vec b) { return _mm256_max_pd(a, b); }
  static uint32_t above(Vec a, Vec b) {
    return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ)));
  }
  static uint32_t not_zero(Vec a) {
    return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_cmp_pd(a, zero(), _CMP_NEQ_UQ)));
  }
  static Vec put(Vec a, uint32_t lanes, Vec b) {
    const __m256i bit = _mm256_setr_epi64x(1, 2, 4, 8);
    const __m256i chosen = _mm256_and_si256(_mm256_set1_epi64x(lanes), bit);
    return _mm256_blendv_pd(a, b, _mm256_castsi256_pd(_mm256_cmpeq_epi64(chosen, bit)));
  }
  static void put_bytes(uint8_t* p, uint32_t lanes, uint8_t value) {
    for (; lanes; lanes &= lanes - 1) p[__builtin_ctz(lanes)] = value;
  }
};

#else

constexpr int REGISTERS = 16;

template <class T, class Whole>
struct PlainLanes {
  typedef T Vec __attribute__((vector_size(16)));
  typedef Whole Count __attribute__((vector_size(16)));
  static constexpr int width = 16 / sizeof(T);
  static constexpr bool masked = false;
  static Vec zero() { return Vec{}; }
  static Vec all(T x) { return Vec{} + x; }
  static Vec load(const T* p) {
    Vec a;
    __builtin_memcpy(&a, p, sizeof a);
    return a;
  }
  static void store(T* p, Vec a) { __builtin_memcpy(p, &a, sizeof a); }
  static Vec add(Vec a, Vec b) { return a + b; }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return a * b + c; }
  static Vec add_if(Vec a, Vec b, uint32_t on) {
    const Count kept = Count{} - static_cast<Whole>(on & 1);
    return a + reinterpret_cast<Vec>(reinterpret_cast<Count>(b) & kept);
  }
  static Vec lower(Vec a, Vec b) { return a < b ? a : b; }
  static Vec higher(Vec a, Vec b) { return a > b ? a : b; }
  static uint32_t bits(Count yes) {
    uint32_t lanes = 0;
    for (int lane = 0; lane < width; ++lane) lanes |= static_cast<uint32_t>(yes[lane] & 1) << lane;
    return lanes;
  }
  static uint32_t above(Vec a, Vec b) { return bits(a > b); }
  static uint32_t not_zero(Vec a) { return bits(a != Vec{}); }
  static Vec put(Vec a, uint32_t lanes, Vec b) {
    for (int lane = 0; lane < width; ++lane)
      if (lanes >> lane & 1) a[lane] = b[lane];
    return a;
  }
  static void put_bytes(uint8_t* p, uint32_t lanes, uint8_t value) {
    for (; lanes; lanes &= lanes - 1) p[__builtin_ctz(lanes)] = value;
  }
  static Count none() { return Count{}; }
  static Count count_unless_above(Count n, Vec a, Vec b) { return n + 1 + Count(a > b); }
  static void store_bytes(uint8_t* p, Count n) {
    for (int lane = 0; lane < width; ++lane) p[lane] = static_cast<uint8_t>(n[lane]);
  }
};

template <>
struct Lanes<float> : PlainLanes<float, int32_t> {};
template <>
struct Lanes<double> : PlainLanes<double, int64_t> {};

#endif

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
