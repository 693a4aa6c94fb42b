// What the kernels share: their arguments, how a team sums its part of a row, and how it maps it.
//
// A compilation is for one NUMBER, one OPERATION and one shape of team; TEMPERED if t is not 1,
// HIDING if there is a mask. An entry whose mask is False is read as one that adds nothing, and its
// result is what the operation says of hidden entries.
#pragma once
#include "operations.cuh"

namespace softkern {

using T = NUMBER;
using A = Computed<T>;
using Op = OPERATION<T>;
using S = State<A, Op::SUMS>;

struct Layout {
  long long outer, n, inner;  // outer * inner rows of n numbers
  long long slices, slice;    // parts of a row, each for one block; their length
  long long unit;             // t is for the results alone: weights are exp(x - m)
  Steps x, v, y, mask;
};

#ifdef TEMPERED
using Temper = Temperature<A>;
#else
using Temper = Unit<A>;
#endif

// t and its rounding error: of every row, one behind the other; without these, of all rows.
struct GivenTemperature {
  const A* of_rows;
  A t, error;
};

// t of a row: for its weights, and for its results.
struct Temperatures {
  Temper weights, results;

  Temperatures() = default;
  __device__ __forceinline__ Temperatures(GivenTemperature given, const Layout& layout,
                                          long long row) {
#ifdef TEMPERED
    if (given.of_rows) {
      given.t = given.of_rows[row];
      given.error = given.of_rows[layout.outer * layout.inner + row];
    }
    results = Temper(given.t, given.error);
    weights = layout.unit ? Temper(A(1), A(0)) : results;
#endif
  }
};

// Of a row in slices, one launch leaves the sums of each and the next one reads the row again.
enum Phase { WHOLE, FOLD, MAP };
constexpr Phase NOW = PHASE;

// An entry of x that adds nothing.
__device__ __forceinline__ A none() { return Op::SUMS == GIVEN ? A(0) : -Limits<A>::infinity(); }

__device__ __forceinline__ A hidden_result() {
  return Op::LOGARITHMIC ? -Limits<A>::infinity() : A(0);
}

// Where the inputs of a part of a row begin, their number in it, and how many lie before it.
struct Part {
  const T* x;
  const T* v;
  const bool* shown;
  int n;
  long long begin;
};

// The part of a row from `begin` on, of at most so many numbers.
__device__ __forceinline__ Part part_of(Part whole, const Layout& layout, long long outer,
                                        long long inner, long long begin, long long most) {
  const long long left = layout.n - begin;
  const auto start = [&](const Steps& steps) {
    return outer * steps.outer + begin * steps.axis + inner * steps.inner;
  };
  return {whole.x + start(layout.x), whole.v + start(layout.v), whole.shown + start(layout.mask),
          static_cast<int>(left < most ? left : most), begin};
}

// The part less its first i numbers.
__device__ __forceinline__ Part after(Part part, int i, const Layout& layout) {
  return {part.x + i * layout.x.axis, part.v + i * layout.v.axis, part.shown + i * layout.mask.axis,
          part.n - i, part.begin + i};
}

// The same part of the row w further along the inner axis.
__device__ __forceinline__ Part beside(Part part, int w, const Layout& layout) {
  return {part.x + w * layout.x.inner, part.v + w * layout.v.inner,
          part.shown + w * layout.mask.inner, part.n, part.begin};
}

// The classes of rows, and lines of all rows' other numbers.
enum Line { COTANGENT, SHARE, SHARE_OF_ALL, LOSS };
struct Labels {
  const long long* classes;
  A* lines;
};

// What the row of a part has of its own.
template <typename O = Op> __device__ __forceinline__ Own<A> own_of(long long row, const Part& part,
                                                                    const Labels& labels,
                                                                    const Layout& layout) {
  Own<A> own = {};
  if constexpr (O::READS_G) own.g = Number<T>::read(*part.v);
  if constexpr (O::LABELLED) {
    const auto line = [&](Line which) {
      return labels.lines + which * layout.outer * layout.inner + row;
    };
    if (!O::REDUCED) own.g = *line(COTANGENT);
    own.share = *line(SHARE);
    if (O::READS_V) own.share_of_all = *line(SHARE_OF_ALL);
    own.loss = line(LOSS);
    own.label = labels.classes ? labels.classes[row] : -1;
    if (own.label < 0) return own;
    const long long place = own.label - part.begin;
    own.x = Number<T>::read(part.x[place * layout.x.axis]);
    if (O::READS_V) own.v = Number<T>::read(part.v[place * layout.v.axis]);
  }
  return own;
}

// Read the thread's numbers of x and v.
template <typename Numbers> __device__ __forceinline__ void read(Numbers& x, Numbers& v,
                                                                 const Part& part,
                                                                 const Layout& layout) {
  x.read(part.x, part.n, layout.x, none());
  if (Op::READS_V) v.read(part.v, part.n, layout.v, A(0));
}

// Put a number for x, and 0 for v, where the mask is False.
template <typename Numbers> __device__ __forceinline__ void hide(Numbers& x, Numbers& v,
                                                                 const Part& part,
                                                                 const Layout& layout, A hidden) {
#ifdef HIDING
#pragma unroll
  for (int i = 0; i < x.count(); ++i) {
    if (x.place(i) < part.n && !part.shown[x.place(i) * layout.mask.axis]) {
      x.set(i, hidden);
      if (Op::READS_V) v.set(i, A(0));
    }
  }
#endif
}

// The sums over the numbers of one thread.
template <bool KEEP, typename Numbers>
__device__ __forceinline__ S fold(Numbers& x, const Numbers& v, const Temper& t) {
  return sums_of<T, Op::SUMS, KEEP>(x, v, t);
}

// The results for a row.
template <typename O = Op> __device__ __forceinline__ void write_row(const S& sums, long long row,
                                                                     T* y, T* dy, const Own<A>& own,
                                                                     const Temper& t) {
  if constexpr (O::LABELLED) {
    *own.loss = O::loss(sums, t, own);
  } else if constexpr (O::REDUCED) {
    const O result(sums, sums.m, t, own);
    if (y) y[row] = Number<T>::write(result.y);
    if (dy) dy[row] = Number<T>::write(result.dy);
  }
}

// Where in a part of a row its class is, or -1.
__device__ __forceinline__ int place_of_class(const Own<A>& own, const Part& part) {
  const long long place = own.label - part.begin;
  return place >= 0 && place < part.n ? static_cast<int>(place) : -1;
}

// Put a number in a place of the part, if it is one of the thread's.
template <typename Numbers> __device__ __forceinline__ void put(Numbers& x, int place, A number) {
#pragma unroll
  for (int i = 0; i < x.count(); ++i) {
    if (x.place(i) == place) x.set(i, number);
  }
}

// The results for the numbers of one thread, in place; m is what kept weights are measured from.
template <bool KEPT, typename Numbers, typename O = Op>
__device__ __forceinline__ void map(Numbers& x, Numbers& v, const S& row, A m, const Part& part,
                                    const Own<A>& own, const Temperatures& t) {
  if constexpr (!O::REDUCED) {
    const O operation(row, KEPT ? m : row.m, t.weights, own);
#pragma unroll
    for (int i = 0; i < x.count(); ++i) {
      A xi = x.get(i), vi = O::READS_V ? v.get(i) : A(0);
      if (O::MAPS_WEIGHTS && !KEPT) xi = xi == row.m ? A(1) : weight<T>(xi, row.m, t.weights);
      operation.map(xi, vi, t);
      x.set(i, xi);
      if (O::READS_V) v.set(i, vi);
    }
    if constexpr (O::LABELLED) put(x, place_of_class(own, part), operation.at_class);
  }
}

}  // namespace softkern
