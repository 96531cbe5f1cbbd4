package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// The tiles in which rows go, and that a row has the same bits in each, with products made up as
/// AMX's are: a sum over more than a block is cut where the number of rows says so, and sums of
/// blocks are added for a result in bf16, gone on with for one in fp32.
class RowTilesTest {
  private final Random random = Seeds.random();

  /// As AMX does it; notes which products were asked for.
  private static final class MadeUp implements RowTiles.Products {
    final List<String> asked = new ArrayList<>();

    @Override
    public void execute(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long layout) {
      asked.add(c.rows() + " " + c.dtype() + (onAmx ? " amx" : ""));
      int k = a.cols();
      int block = !onAmx || k <= RowTiles.ONE_BLOCK ? k : 64 + 32 * (c.rows() % 7);
      for (int i = 0; i < c.rows(); i++) {
        for (int j = 0; j < c.cols(); j++) {
          c.set(i, j, sum(a, b, i, j, block, c.dtype()) + (add ? (float) c.get(i, j) : 0f));
        }
      }
    }

    private static float sum(Tensor a, Tensor b, int i, int j, int block, Dtype result) {
      float done = 0;
      float part = 0;
      for (int p = 0; p < a.cols(); p++) {
        if (p % block == 0 && result == Dtype.BF16) {
          done += part;
          part = 0;
        }
        part = (float) (a.get(i, p) * b.get(p, j)) + part;
      }
      return done + part;
    }

    @Override
    public void cast(Tensor from, Tensor to) {
      for (int i = 0; i < from.rows(); i++) {
        for (int j = 0; j < from.cols(); j++) {
          to.set(i, j, from.get(i, j));
        }
      }
    }
  }

  @Test
  void longSumsIntoBf16AreMadeInFp32AndRoundedOnce() {
    assertThat(asked(337, 512, Dtype.BF16))
        .containsExactly("256 F32 amx", "64 F32 amx", "16 F32 amx", "16 F32 amx");
    assertThat(asked(337, 256, Dtype.BF16))
        .containsOnly("256 BF16 amx", "64 BF16 amx", "16 BF16 amx");
    assertThat(asked(7, 512, Dtype.F32)).containsExactly("16 F32 amx");
    assertThat(RowTiles.inFp32(false, Dtype.BF16, 4096)).as("without AMX").isFalse();
  }

  private List<String> asked(int rows, int k, Dtype result) {
    MadeUp products = new MadeUp();
    try (Scope scope = Scope.open("test");
        RowTiles tiles = new RowTiles(products)) {
      tiles.multiply(
          scope.tensor(Dtype.BF16, rows, k),
          scope.tensor(Dtype.BF16, k, 2),
          0,
          true,
          scope.tensor(result, rows, 2),
          true);
    }
    return products.asked;
  }

  /// AMX wants sizes that code knows; rows with gaps of other sizes are copied to where there are
  /// none.
  @Test
  void rowsWithOpenStridesGoThroughScratchOnAmx() {
    MadeUp products = new MadeUp();
    try (Scope scope = Scope.open("test");
        RowTiles tiles = new RowTiles(products)) {
      Tensor a = gaussian(scope.tensor(Dtype.BF16, 300, 71)).cols(0, 64);
      Tensor b = gaussian(scope.tensor(Dtype.BF16, 64, 2));
      Tensor c = scope.tensor(Dtype.F32, 300, 2);
      tiles.multiply(a, b, Primitive.FIXED_SIZES, true, c, false);
      assertThat(products.asked).containsOnly("16 F32 amx").hasSize(19);
      tiles.multiply(a, b, Primitive.FIXED_SIZES, false, c, false);
      assertThat(products.asked).contains("256 F32");
    }
  }

  @Test
  void wideTilesInFp32HaveFewerRows() {
    List<String> asked = new ArrayList<>();
    RowTiles.Products noted =
        new RowTiles.Products() {
          @Override
          public void execute(Tensor a, Tensor b, Tensor c, boolean add, boolean onAmx, long l) {
            asked.add(c.rows() + " " + c.dtype());
          }

          @Override
          public void cast(Tensor from, Tensor to) {}
        };
    try (Scope scope = Scope.open("test");
        RowTiles tiles = new RowTiles(noted)) {
      Tensor a = scope.tensor(Dtype.BF16, 256, 320);
      for (int n : new int[] {4_096, 4_160}) {
        tiles.multiply(
            a, Tensor.dry(Dtype.BF16, 320, n), 0, true, scope.tensor(Dtype.BF16, 256, n), false);
      }
    }
    assertThat(asked).containsExactly("256 F32", "64 F32", "64 F32", "64 F32", "64 F32");
  }

  private static int isa(OneDnn provider) {
    return Integer.parseInt(provider.instructions().substring("isa ".length()), 16);
  }

  /// Wherever a product goes as on AMX, a processor has instructions for bf16; without them oneDNN
  /// makes such products by code that no run takes this way.
  private static void assumeBf16Instructions(OneDnn provider) {
    assumeTrue((isa(provider) & 0x80) != 0, "needs bf16 instructions");
  }

  /// Tiles of several threads, here by what this machine has.
  @Test
  void sharedTilesHaveTheBitsOfOneThread() {
    OneDnn provider = new OneDnn();
    assumeTrue(provider.load(Backends.cache()).isEmpty(), "no oneDNN");
    assumeBf16Instructions(provider);
    for (int rows : new int[] {7, 64, 77, 333, 900}) {
      for (boolean add : new boolean[] {false, true}) {
        try (Scope scope = Scope.open("test");
            OneDnnGemm one = (OneDnnGemm) provider.open(1);
            OneDnnGemm three = (OneDnnGemm) provider.open(3)) {
          Tensor a = gaussian(scope.tensor(Dtype.BF16, rows, 320));
          Tensor b = gaussian(scope.tensor(Dtype.BF16, 320, 96));
          Tensor alone = gaussian(scope.tensor(Dtype.BF16, rows, 96));
          Tensor shared = copy(scope, alone);
          one.rows(a, b, Primitive.FIXED_SIZES, true, alone, add);
          three.rows(a, b, Primitive.FIXED_SIZES, true, shared, add);
          assertThat(shared.data().mismatch(alone.data())).as("%d rows", rows).isEqualTo(-1);
        }
      }
    }
  }

  @Test
  void aResultInAClosedScopeIsSeen() {
    OneDnn provider = new OneDnn();
    assumeTrue(provider.load(Backends.cache()).isEmpty(), "no oneDNN");
    assumeTrue(provider.probe(Dtype.BF16) > 0, "needs bf16 products");
    Scope closed = Scope.open("test");
    Tensor c = closed.tensor(Dtype.BF16, 64, 64);
    closed.close();
    try (Scope scope = Scope.open("test");
        OneDnnGemm gemm = (OneDnnGemm) provider.open(1)) {
      Tensor a = scope.tensor(Dtype.BF16, 64, 512);
      Tensor b = scope.tensor(Dtype.BF16, 512, 64);
      assertThatThrownBy(() -> gemm.rows(a, b, Primitive.FIXED_SIZES, true, c, true))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> gemm.rows(a, b, Primitive.FIXED_SIZES, true, c, false))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void aRowHasTheSameBitsInEachTile() {
    int k = 576;
    int rows = 300;
    MadeUp products = new MadeUp();
    try (Scope scope = Scope.open("test");
        RowTiles tiles = new RowTiles(products)) {
      Tensor a = gaussian(scope.tensor(Dtype.BF16, rows, k));
      Tensor b = gaussian(scope.tensor(Dtype.BF16, k, 3));
      for (int i = 0; i < rows; i++) { // terms that cancel, so that roundings of a sum are seen
        a.set(i, 40, 1 << 15);
        a.set(i, k - 40, -(1 << 15));
      }
      for (int j = 0; j < 3; j++) {
        b.set(k - 40, j, b.get(40, j));
      }
      Tensor start = gaussian(scope.tensor(Dtype.BF16, rows, 3));
      Tensor whole = copy(scope, start);
      Tensor pieces = copy(scope, start);
      Tensor direct = copy(scope, start);
      tiles.multiply(a, b, 0, true, whole, true);
      for (int from = 0, to; from < rows; from = to) {
        to = Math.min(rows, from + 1 + random.nextInt(90));
        tiles.multiply(a.rows(from, to), b, 0, true, pieces.rows(from, to), true);
        products.execute(a.rows(from, to), b, direct.rows(from, to), true, true, 0);
      }
      assertThat(pieces.data().mismatch(whole.data())).isEqualTo(-1);
      assertThat(direct.data().mismatch(whole.data())).as("without tiles").isNotEqualTo(-1);
    }
  }

  /// oneDNN's own products on this machine: made in fp32 and rounded they have the bits of those
  /// that it rounds itself.
  @Test
  void roundedAfterwardsIsRoundedByTheProduct() {
    OneDnn provider = new OneDnn();
    assumeTrue(provider.load(Backends.cache()).isEmpty(), "no oneDNN");
    assumeBf16Instructions(provider);
    for (int i = 0; i < 20; i++) {
      int rows = 1 + random.nextInt(400);
      int k = 257 + random.nextInt(200);
      int n = 2 + random.nextInt(90);
      boolean add = random.nextBoolean();
      try (Scope scope = Scope.open("test");
          OneDnnGemm gemm = (OneDnnGemm) provider.open(1);
          RowTiles tiles = new RowTiles(gemm)) {
        Tensor a = gaussian(scope.tensor(Dtype.BF16, rows, k));
        Tensor b = gaussian(scope.tensor(Dtype.BF16, k, n));
        Tensor wide = gaussian(scope.tensor(Dtype.BF16, rows, n + 5));
        Tensor c = wide.cols(2, 2 + n);
        Tensor direct = copy(scope, wide);
        tiles.multiply(a, b, Primitive.FIXED_SIZES, true, c, add);
        tiles.multiply(a, b, Primitive.FIXED_SIZES, false, direct.cols(2, 2 + n), add);
        assertThat(wide.data().mismatch(direct.data()))
            .as("%d × %d × %d, add %s", rows, k, n, add)
            .isEqualTo(-1);
      }
    }
  }

  /// Attention's forward products: a prompt may be cut anywhere, so rows and columns come in any
  /// number. With AVX2 alone, where products are of fp32, oneDNN sums them in another order for
  /// some numbers of columns (17 or 37 keys of a block differ in the last digits from 64).
  @Test
  void openProductsGiveARowTheSameBitsForEveryNumberOfRowsAndColumns() {
    OneDnn provider = new OneDnn();
    assumeTrue(provider.load(Backends.cache()).isEmpty(), "no oneDNN");
    assumeTrue((isa(provider) & 0x20) != 0, "needs AVX-512");
    for (Dtype type : List.of(Dtype.F32, Dtype.BF16)) {
      for (int k : new int[] {64, 80, 1 + random.nextInt(256)}) {
        if (provider.probe(type) > 0) {
          openProducts(provider, type, k, random.nextBoolean());
        }
      }
    }
  }

  private void openProducts(OneDnn provider, Dtype type, int k, boolean transposed) {
    try (Scope scope = Scope.open("test");
        Gemm gemm = provider.open(1)) {
      Tensor a = gaussian(scope.tensor(type, 192, k));
      Tensor b = gaussian(transposed ? scope.tensor(type, 64, k) : scope.tensor(type, k, 64));
      Tensor factor = transposed ? b.transposed() : b;
      Tensor all = scope.tensor(Dtype.F32, 192, 64);
      gemm.multiplyBatchInvariant(a, factor, all, false);
      for (int rows : new int[] {1, 9, 16, 17, 37, 100}) {
        for (int columns : new int[] {1, 2, 15, 17, 37, 63}) {
          Tensor some = scope.tensor(Dtype.F32, rows, columns);
          gemm.multiplyBatchInvariant(a.rows(0, rows), factor.cols(0, columns), some, false);
          for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
              assertThat(some.get(i, j))
                  .as("%s k %d, %d × %d, at %d %d", type, k, rows, columns, i, j)
                  .isEqualTo(all.get(i, j));
            }
          }
        }
      }
    }
  }

  private Tensor gaussian(Tensor t) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  private static Tensor copy(Scope scope, Tensor t) {
    Tensor copy = scope.tensor(t.dtype(), t.shape());
    copy.data().copyFrom(t.data());
    return copy;
  }
}
