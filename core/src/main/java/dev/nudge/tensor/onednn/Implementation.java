package dev.nudge.tensor.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;

import org.jspecify.annotations.Nullable;

/// Chooses which of oneDNN's implementations computes a product.
///
/// oneDNN offers several for a product, its preferred one first. On processors with AMX the first
/// one, `brg_matmul:…_amx`, is not always right. Up to 3.13.0 it reads the inner size in blocks of
/// 32, even past the end of a row: memory after the row enters the sum, times zero at best, and NaN
/// times zero is NaN [1][2]. And if a size is a runtime dimension, sums of some shapes are wrong by
/// up to the whole value. So AMX code computes a product only if all its sizes and strides are
/// fixed and its inner size is a multiple of 32; every other product uses the next implementation.
/// The rule reads names and sizes only, so it holds on processors that were never tested.
///
/// AMX adds the terms of a sum in another order than AVX-512 does, so a row has the same bits for
/// every number of rows only if one kind of code computes all of them: [RowTiles] says which
/// products may use AMX. `gemm:…` may use AMX without saying so, so on processors with AMX it is
/// chosen only if nothing but the reference code is left.
///
/// Threading: safe. A [OneDnnGemm] compares [#epoch] and rebuilds its products after a change.
///
/// [1] oneDNN issue 5717. [2] oneDNN issue 5603.
final class Implementation {
  private static final int BLOCK = 32;
  private static volatile boolean amx; // whether products on AMX are offered and not switched off

  private static volatile int epoch;

  private Implementation() {}

  /// Tells whether AMX code is right for this inner size, if every size is fixed.
  static boolean wholeBlocks(long k) {
    return k % BLOCK == 0;
  }

  /// Whether code of this name may compute a product.
  ///
  /// @param onAmx whether the product may be computed on AMX
  static boolean right(String name, boolean onAmx) {
    return !onAmx(name) || (amx && onAmx);
  }

  /// Whether this is code for Intel's matrix unit.
  static boolean onAmx(String name) {
    return name.contains("amx");
  }

  /// Whether this is oneDNN's reference code, a hundred times slower than any other.
  static boolean reference(String name) {
    return name.startsWith("ref");
  }

  /// Enables or disables `brg_matmul:…_amx` for all products.
  static synchronized void amx(boolean allowed) {
    if (amx != allowed) {
      amx = allowed;
      epoch++;
    }
  }

  /// A counter that changes whenever the set of allowed implementations changes.
  static int epoch() {
    return epoch;
  }

  /// Tells whether AMX is enabled, for products that it computes right.
  static boolean amx() {
    return amx;
  }

  /// Sizes that are multiples of this are compiled as fixed. The step is smaller on AMX, which
  /// cannot compute a product with a runtime dimension.
  static int step() {
    return amx ? BLOCK : 2 * BLOCK;
  }

  /// Iterates over oneDNN's implementations of one product, the preferred one first.
  interface Candidates {
    String name() throws Throwable;

    /// Moves to the next one; false at the end.
    boolean next() throws Throwable;

    void close() throws Throwable;
  }

  /// Lists the implementations of a product; null: none.
  interface Maker<C extends Candidates> {
    @Nullable C make() throws Throwable;
  }

  /// Finds the first implementation that is right.
  ///
  /// @param onAmx whether the product may be computed on AMX
  /// @return the iterator at that implementation, the caller's to close; null if none is right
  static <C extends Candidates> @Nullable C choose(Maker<C> maker, boolean onAmx) throws Throwable {
    C found = choose(maker, onAmx, !amx);
    if (amx && (found == null || reference(found.name()))) {
      if (found != null) {
        found.close();
      }
      found = choose(maker, onAmx, true);
    }
    return found;
  }

  private static <C extends Candidates> @Nullable C choose(
      Maker<C> maker, boolean onAmx, boolean gemm) throws Throwable {
    C candidates = maker.make();
    if (candidates == null) {
      return null;
    }
    do {
      String name = candidates.name();
      if (right(name, onAmx) && (gemm || !name.startsWith("gemm"))) {
        return candidates;
      }
    } while (candidates.next());
    candidates.close();
    return null;
  }

  /// The implementations behind a primitive descriptor.
  record Descriptor(long pd) implements Candidates {
    @Override
    public String name() throws Throwable {
      return Implementation.name(pd);
    }

    @Override
    public boolean next() throws Throwable {
      int status = (int) Api.C.PD_NEXT.invokeExact(pd);
      if (status != Api.LAST_IMPLEMENTATION) {
        Api.check(status, "primitive_desc_next_impl after " + name());
      }
      return status != Api.LAST_IMPLEMENTATION;
    }

    @Override
    public void close() throws Throwable {
      destroy(pd);
    }
  }

  /// Destroys a primitive descriptor; 0 is ignored.
  static void destroy(long pd) throws Throwable {
    if (pd != 0) {
      Api.check((int) Api.C.PD_DESTROY.invokeExact(pd), "primitive_desc_destroy");
    }
  }

  /// oneDNN's name of the implementation, for example `brg_matmul:avx512_core_bf16`.
  static String name(long pd) throws Throwable {
    CallMemory call = CallMemory.own();
    Api.check(
        (int) Api.C.PD_QUERY.invokeExact(pd, Api.QUERY_IMPLEMENTATION, 0, call.out),
        "primitive_desc_query");
    return call.out.get(ADDRESS, 0).reinterpret(256).getString(0);
  }
}
