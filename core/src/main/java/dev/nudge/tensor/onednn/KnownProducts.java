package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;

/// Lists the self-test products that oneDNN must compute right before a run uses it.
///
/// They are few, because a command waits for them, and of the kinds that were wrong on some
/// processor: an inner size below a block, rows with gaps, runtime dimensions, sums added to
/// transposed factors, batches, packed factors of odd sizes. The shapes of the model are tested
/// too.
final class KnownProducts {
  private static final int WIDEST = 2048;

  private KnownProducts() {}

  /// Kinds of products that were wrong on some processor, and sizes that [Implementation] allows
  /// on AMX: tiles of 256 and 64 rows and a rest, packed, in both types, a batch, a transposed
  /// factor.
  static List<KnownProduct> kinds(Dtype in) {
    Dtype sums = in.accumulator();
    return List.of(
        new KnownProduct(in, sums, 0, 160, 7, 40, false, false, false, false, 1),
        new KnownProduct(in, sums, 0, 8, 16, 259, false, false, true, false, 3),
        new KnownProduct(in, sums, 0, 567, 192, 16, true, false, true, false, 0),
        new KnownProduct(in, in, 3, 128, 128, 138, true, false, true, false, 2),
        new KnownProduct(in, in, 0, 77, 127, 37, false, true, false, true, 1),
        new KnownProduct(in, sums, 0, 350, 64, 350, false, true, false, false, 64),
        new KnownProduct(in, sums, 0, 333, 96, 128, false, true, false, true, 0),
        new KnownProduct(in, in, 0, 333, 96, 64, false, true, true, true, 0),
        new KnownProduct(in, in, 0, 333, 64, 192, false, true, false, false, 0),
        new KnownProduct(in, sums, 0, 128, 256, 96, true, false, true, false, 0),
        new KnownProduct(in, in, 3, 64, 64, 64, false, true, false, false, 0));
  }

  /// Products of random shapes, for a processor whose fastest code has been wrong.
  static List<KnownProduct> drawn(Dtype in, int count) {
    Random random = new Random(count);
    List<KnownProduct> products = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int batch = random.nextInt(3) == 0 ? 1 + random.nextInt(3) : 0;
      boolean aTransposed = random.nextBoolean();
      products.add(
          new KnownProduct(
              in,
              random.nextBoolean() ? in : in.accumulator(),
              batch,
              size(random),
              size(random),
              size(random),
              aTransposed,
              random.nextBoolean(),
              random.nextBoolean(),
              batch == 0 && !aTransposed && random.nextBoolean(),
              random.nextInt(3) == 0 ? random.nextInt(80) : random.nextInt(3)));
    }
    return products;
  }

  private static int size(Random random) {
    return switch (random.nextInt(4)) {
      case 0 -> 2 + random.nextInt(15);
      case 1 -> 2 + random.nextInt(400);
      case 2 -> 16 * (1 + random.nextInt(10));
      default -> 64 * (1 + random.nextInt(6));
    };
  }

  /// The products of a layer, with its weight as factor and as result, plain and packed.
  ///
  /// @param widths of layers, neighbouring layers in order; widths above [#WIDEST] are shortened
  ///     to the same odd end
  static List<KnownProduct> layers(Dtype in, int... widths) {
    List<KnownProduct> products = new ArrayList<>();
    Dtype sums = in.accumulator();
    for (int i = 1; i < widths.length; i++) {
      int k = shortened(widths[i - 1]);
      int n = shortened(widths[i]);
      products.add(new KnownProduct(in, in, 0, 77, k, n, false, true, true, false, 0));
      products.add(new KnownProduct(in, sums, 0, 77, k, n, false, true, false, true, 0));
      products.add(new KnownProduct(in, sums, 0, n, 77, k, true, false, true, false, 0));
    }
    return products;
  }

  /// Rows of the batch-invariance test, which uses tiles of every size; k and n of its factors: a
  /// sum in one block, one in several, one column.
  private static final int ROWS = 341;

  private static final int[][] FACTORS = {{256, 1}, {576, 48}, {1536, 32}};

  /// Tests batch invariance: whether all rows at once and pieces of 1, 16 and the other rows, with
  /// packed and plain factor, give the same bits. True if the library lacks the type.
  static boolean sameInCompany(Gemm gemm, Dtype in) {
    Random random = new Random(1);
    for (int[] factor : FACTORS) {
      for (Dtype out : EnumSet.of(in, in.accumulator())) {
        try {
          if (!sameInCompany(gemm, random, in, out, factor[0], factor[1])) {
            return false;
          }
        } catch (UnsupportedOperationException e) {
          return true;
        }
      }
    }
    return true;
  }

  private static boolean sameInCompany(
      Gemm gemm, Random random, Dtype in, Dtype out, int k, int n) {
    try (Scope scope = Scope.open("known products")) {
      Tensor a = drawn(scope.tensor(in, ROWS, k), random);
      Tensor b = drawn(scope.tensor(in, n, k), random).transposed();
      Packed packed = gemm.pack(b, scope.tensor(in, Packed.padded(k), Packed.padded(n)));
      Tensor whole = scope.tensor(out, ROWS, n);
      Tensor pieces = scope.tensor(out, ROWS, n);
      Tensor plain = scope.tensor(out, ROWS, n);
      gemm.multiply(a, packed, whole, true);
      int[] cuts = {0, 1, 17, ROWS};
      for (int i = 1; i < cuts.length; i++) {
        Tensor x = a.rows(cuts[i - 1], cuts[i]);
        gemm.multiply(x, packed, pieces.rows(cuts[i - 1], cuts[i]), true);
        gemm.multiply(x, Packed.plain(b), plain.rows(cuts[i - 1], cuts[i]), true);
      }
      return pieces.data().mismatch(whole.data()) == -1
          && plain.data().mismatch(whole.data()) == -1;
    }
  }

  /// Fills a tensor with random numbers of ±0.5 to ±2.
  private static Tensor drawn(Tensor t, Random random) {
    byte[] bytes = new byte[Math.toIntExact(t.bytes())];
    random.nextBytes(bytes);
    int size = t.dtype().bytes();
    for (int i = size - 1; i < bytes.length; i += size) {
      bytes[i] = (byte) (bytes[i] & 0x80 | 0x3f); // sign and exponent of a little-endian number
    }
    MemorySegment.copy(bytes, 0, t.data(), ValueLayout.JAVA_BYTE, 0, bytes.length);
    return t;
  }

  private static int shortened(int width) {
    return width <= WIDEST ? width : WIDEST / 2 + width % (WIDEST / 2);
  }

  /// Tells whether all are right. A library that lacks the type, and so offers none of them, is
  /// not wrong: its speed is 0, so it is not chosen. One that offers some but not all is wrong.
  static boolean right(Gemm gemm, List<KnownProduct> products) {
    int offered = 0;
    for (KnownProduct product : products) {
      try {
        if (!product.right(gemm)) {
          return false;
        }
        offered++;
      } catch (UnsupportedOperationException e) {
        // not counted as offered
      }
    }
    return offered == 0 || offered == products.size();
  }
}
