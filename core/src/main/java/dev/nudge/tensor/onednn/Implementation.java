package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;

import org.jspecify.annotations.Nullable;

/// Chooses which of oneDNN's implementations computes a product.
///
/// oneDNN offers several for one product, the one it likes best first. On processors with AMX the
/// first one, `brg_matmul:…_amx`, is not always right. Up to 3.13.0 it reads the inner size in
/// blocks of 32, also where the row ends before: what lies behind the row comes into the sum, times
/// zero at best, and NaN times zero is NaN [1][2]. And where a size is open ("runtime dimension"),
/// sums are wrong by up to the whole value for some shapes. So that code computes a product only if
/// all its sizes and strides are fixed and its inner size is a multiple of 32; every other product
/// takes the next implementation. The rule reads names and sizes only, so it holds for a processor
/// that nobody here has.
///
/// The next one is often `gemm:jit:bf16`, which copies its factors into blocks of its own and may
/// use AMX too; no wrong product of it is known. [KnownProducts] try both on the processor at hand.
///
/// Threading: safe. A [OneDnnGemm] compares [#epoch] and makes its products anew after a change.
///
/// [1] oneDNN issue 5717. [2] oneDNN issue 5603.
final class Implementation {
  private static final int BLOCK = 32;
  private static volatile boolean amx; // whether products on AMX are offered and not switched off

  private static volatile int epoch;

  private Implementation() {}

  /// What a product asks of an implementation.
  ///
  /// @param open whether a size or stride of a factor or the result is open
  /// @param k the inner size; of no meaning where it is open
  record Need(boolean open, long k) {}

  /// Whether code of this name gives right products of that need.
  static boolean right(String name, Need need) {
    return !onAmx(name) || (amx && !need.open() && need.k() % BLOCK == 0);
  }

  /// Whether this is code for Intel's matrix unit.
  static boolean onAmx(String name) {
    return name.contains("amx");
  }

  /// Whether this is oneDNN's reference code, a hundred times slower than any other.
  static boolean reference(String name) {
    return name.startsWith("ref");
  }

  /// Lets products be computed by `brg_matmul:…_amx`, or none.
  static synchronized void amx(boolean allowed) {
    if (amx != allowed) {
      amx = allowed;
      epoch++;
    }
  }

  /// The number of changes of what may compute.
  static int epoch() {
    return epoch;
  }

  /// Whether products are computed on AMX where that is right.
  static boolean amx() {
    return amx;
  }

  /// Sizes that are multiples of this are fixed in compiled products. On AMX smaller steps, because
  /// a product with an open size cannot be computed there.
  static int step() {
    return amx ? BLOCK : 2 * BLOCK;
  }

  /// Moves a primitive descriptor on to the first implementation that is right.
  ///
  /// @return its name; null where none is left, and the descriptor is still the caller's to destroy
  static @Nullable String choose(long pd, Need need) throws Throwable {
    while (true) {
      String name = name(pd);
      if (right(name, need)) {
        return name;
      }
      int status = (int) Api.C.PD_NEXT.invokeExact(pd);
      if (status == Api.LAST_IMPLEMENTATION) {
        return null;
      }
      Api.check(status, "primitive_desc_next_impl after " + name);
    }
  }

  /// What oneDNN calls the implementation, for example `brg_matmul:avx512_core_bf16`.
  static String name(long pd) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check(
        (int) Api.C.PD_QUERY.invokeExact(pd, Api.QUERY_IMPLEMENTATION, 0, call.out),
        "primitive_desc_query");
    return call.out.get(ADDRESS, 0).reinterpret(256).getString(0);
  }
}
