package dev.nudge.tensor.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The rule that keeps wrong products away from AMX, on names and shapes, so that a machine without
/// AMX proves it too; and the tiles that it makes, computed by whatever this machine has.
class ImplementationTest {
  private static final String AMX = "brg_matmul:avx10_1_512_amx";
  private static boolean loaded;
  private boolean before;

  @BeforeAll
  static void load() {
    loaded = new OneDnn().load(Backends.cache()).isEmpty();
  }

  @BeforeEach
  void remember() {
    before = Implementation.amx();
    Implementation.amx(true);
    PackedLayout.forget();
  }

  @AfterEach
  void restore() {
    Implementation.amx(before);
    PackedLayout.forget();
  }

  /// Whether the sizes of a (k, n) factor with a gap between rows let AMX compute its products.
  private static boolean factor(long k, long n, long gap) {
    return PackedLayout.mayUseAmx(Tensor.dry(Dtype.BF16, k, n + gap).cols(0, Math.toIntExact(n)));
  }

  @Test
  void amxComputesFixedSizesWithWholeBlocks() {
    assertThat(factor(576, 1536, 0)).isTrue();
    assertThat(factor(64, 16, 0)).isTrue();
    assertThat(factor(4096, 14336, 0)).isTrue();
    assertThat(factor(32, 4096, 0)).as("rank 32").isTrue();
    assertThat(factor(128, 256, 64)).as("a gap of whole blocks").isTrue();
    assertThat(Implementation.right(AMX, true)).isTrue();
  }

  @Test
  void theProductsThatWereWrongOnAmxAreNotComputedThere() {
    assertThat(factor(7, 40, 0)).as("small k").isFalse();
    assertThat(factor(16, 259, 0)).as("open columns").isFalse();
    assertThat(factor(127, 64, 0)).as("k odd").isFalse();
    assertThat(factor(48, 64, 0)).as("k of one block and a half").isFalse();
    assertThat(factor(32001, 576, 0)).as("an odd vocabulary").isFalse();
    assertThat(factor(64, 64, 7)).as("an open stride").isFalse();
    assertThat(PackedLayout.mayUseAmx(Tensor.dry(Dtype.F32, 64, 64))).as("fp32").isFalse();
    Tensor x = Tensor.dry(Dtype.BF16, 192, 567).transposed();
    assertThat(
            OneDnnGemm.sizesForAmx(
                x, Tensor.dry(Dtype.BF16, 192, 16), Tensor.dry(Dtype.F32, 567, 16)))
        .as("open rows, transposed, as in dK and dV")
        .isFalse();
    assertThat(
            OneDnnGemm.sizesForAmx(
                Tensor.dry(Dtype.BF16, 3, 138, 128).transposed(),
                Tensor.dry(Dtype.BF16, 3, 138, 64),
                Tensor.dry(Dtype.F32, 3, 128, 64)))
        .as("an open inner size")
        .isFalse();
    assertThat(
            OneDnnGemm.sizesForAmx(
                Tensor.dry(Dtype.BF16, 192, 576).transposed(),
                Tensor.dry(Dtype.BF16, 192, 16),
                Tensor.dry(Dtype.F32, 576, 16)))
        .as("fixed sizes, as in dW")
        .isTrue();
    assertThat(Implementation.right(AMX, false)).isFalse();
  }

  @Test
  void otherCodeComputesWhateverItOffers() {
    for (String name :
        List.of("brg_matmul:avx512_core_bf16", "gemm:jit:bf16", "brg_matmul:avx2", "ref:any")) {
      assertThat(Implementation.right(name, false)).as(name).isTrue();
      assertThat(Implementation.right(name, true)).as(name).isTrue();
    }
    Implementation.amx(false);
    assertThat(Implementation.right(AMX, true)).isFalse();
    assertThat(Implementation.right(AMX + "_fp16", true)).isFalse();
    assertThat(factor(64, 64, 0)).isFalse();
  }

  /// With the rule of a processor with AMX, open rows go in tiles; here other code computes them.
  @Test
  void rowsInTilesGiveThePlainProduct() {
    OneDnn provider = new OneDnn();
    assumeTrue(loaded, "no oneDNN");
    assumeTrue(provider.probe(Dtype.BF16) > 0, "needs bf16 products");
    Random random = Seeds.random();
    for (int i = 0; i < 40; i++) {
      int m = 1 + random.nextInt(600);
      int k = 32 * (1 + random.nextInt(8));
      int n = i % 2 == 0 ? 32 * (1 + random.nextInt(6)) : 1 + random.nextInt(200);
      boolean add = random.nextBoolean();
      try (Scope scope = Scope.open("test");
          Gemm gemm = provider.open(1);
          Gemm plain = Gemm.plain()) {
        Tensor a = gaussian(scope.tensor(Dtype.BF16, m, k), random);
        Tensor b = gaussian(scope.tensor(Dtype.BF16, k, n), random);
        Tensor c = scope.tensor(Dtype.F32, m, n);
        Tensor packed = scope.tensor(Dtype.F32, m, n);
        Tensor exact = scope.tensor(Dtype.F64, m, n);
        gemm.multiply(a, b, c, add);
        Tensor room = scope.tensor(Dtype.BF16, Packed.padded(k), Packed.padded(n));
        gemm.multiply(a, gemm.pack(b, room), packed, add);
        plain.multiply(a, b, exact, add);
        for (long j = 0; j < c.elements(); j++) {
          assertThat(c.at(j)).isCloseTo(exact.at(j), org.assertj.core.data.Offset.offset(2e-4));
          assertThat(packed.at(j))
              .isCloseTo(exact.at(j), org.assertj.core.data.Offset.offset(2e-4));
        }
      }
    }
  }

  /// A packed factor's layout may be one that AMX alone reads, and gaps would keep it from there.
  @Test
  void packedProductsOfRowsWithGapsAreRight() {
    OneDnn provider = new OneDnn();
    assumeTrue(loaded, "no oneDNN");
    assumeTrue(provider.probe(Dtype.BF16) > 0, "needs bf16 products");
    Random random = Seeds.random();
    for (int m : new int[] {1, 16, 17, 333}) {
      for (int n : new int[] {7, 37, 96}) {
        int k = 64;
        try (Scope scope = Scope.open("test");
            Gemm gemm = provider.open(1);
            Gemm plain = Gemm.plain()) {
          Tensor a = wide(scope.tensor(Dtype.BF16, m, k + 1), k, random).cols(0, k);
          Tensor b = gaussian(scope.tensor(Dtype.BF16, k, n), random);
          Tensor wide = wide(scope.tensor(Dtype.F32, m, n + 3), n, random);
          Tensor c = wide.cols(0, n);
          Tensor exact = scope.tensor(Dtype.F64, m, n);
          plain.multiply(a, b, exact, false);
          Tensor room = scope.tensor(Dtype.BF16, Packed.padded(k), Packed.padded(n));
          gemm.multiply(a, gemm.pack(b, room), c, false);
          for (long r = 0; r < m; r++) {
            for (long i = 0; i < n; i++) {
              assertThat(wide.at(r * (n + 3) + i))
                  .isCloseTo(exact.at(r * n + i), org.assertj.core.data.Offset.offset(2e-4));
            }
            assertThat(wide.at(r * (n + 3) + n)).isNaN();
          }
        }
      }
    }
  }

  /// Numbers in the first columns, NaN in the others.
  private static Tensor wide(Tensor t, int columns, Random random) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, i % t.cols() < columns ? random.nextGaussian() : Double.NaN);
    }
    return t;
  }

  /// A Gemm that is open while AMX is switched off makes its products anew.
  @Test
  void anOpenGemmFollowsTheChange() {
    assumeTrue(loaded, "no oneDNN");
    try (Scope scope = Scope.open("test");
        OneDnnGemm gemm = (OneDnnGemm) new OneDnn().open(1)) {
      Tensor a = gaussian(scope.tensor(Dtype.F32, 40, 64), new Random(1));
      Tensor b = gaussian(scope.tensor(Dtype.F32, 64, 64), new Random(2));
      Tensor before = scope.tensor(Dtype.F32, 40, 64);
      Tensor after = scope.tensor(Dtype.F32, 40, 64);
      gemm.multiply(a, b, before, false);
      gemm.multiply(a, b, before, true);
      gemm.multiply(a, b, before, false);
      assertThat(gemm.products()).isEqualTo(2);
      Implementation.amx(false);
      gemm.multiply(a, b, after, false);
      assertThat(gemm.products()).as("made anew").isEqualTo(1);
      for (long i = 0; i < before.elements(); i++) {
        assertThat(after.at(i)).isCloseTo(before.at(i), org.assertj.core.data.Offset.offset(1e-4));
      }
    }
  }

  /// A layout serves only if one code computes each product that it is used for.
  @Test
  void aLayoutIsAskedForEachTileTypeAndSum() throws Throwable {
    String plain = "brg_matmul:avx512_core_bf16";
    for (Dtype factor : List.of(Dtype.BF16, Dtype.F32)) {
      Set<List<Object>> asked = new HashSet<>();
      PackedLayout.Names all =
          (rows, out, add) -> {
            asked.add(List.of(rows, out, add));
            return plain;
          };
      assertThat(PackedLayout.oneCode(factor, false, all)).isTrue();
      assertThat(asked).hasSize(factor == Dtype.BF16 ? 12 : 6);
      for (String other : new String[] {null, AMX, "ref:any", "gemm:jit:bf16"}) {
        for (List<Object> use : asked) {
          PackedLayout.Names names =
              (rows, out, add) -> List.<Object>of(rows, out, add).equals(use) ? other : plain;
          assertThat(PackedLayout.oneCode(factor, false, names))
              .as("%s by %s", use, other)
              .isFalse();
        }
      }
    }
    assertThat(PackedLayout.oneCode(Dtype.BF16, true, (rows, out, add) -> AMX)).isTrue();
    assertThat(PackedLayout.oneCode(Dtype.BF16, true, (rows, out, add) -> plain)).isFalse();
    assertThat(PackedLayout.oneCode(Dtype.BF16, false, (rows, out, add) -> AMX)).isFalse();
    assertThat(PackedLayout.oneCode(Dtype.BF16, false, (rows, out, add) -> "ref:any")).isFalse();
  }

  /// Implementations by name, as oneDNN lists them.
  private static final class Named implements Implementation.Candidates {
    private final List<String> names;
    private int at;

    Named(String... names) {
      this.names = List.of(names);
    }

    @Override
    public String name() {
      return names.get(at);
    }

    @Override
    public boolean next() {
      return ++at < names.size();
    }

    @Override
    public void close() {}
  }

  private static String chosen(boolean onAmx, String... names) throws Throwable {
    Named found = Implementation.choose(() -> new Named(names), onAmx);
    return found == null ? "none" : found.name();
  }

  @Test
  void codeThatMayUseAmxUnsaidIsTakenBeforeTheReferenceOnly() throws Throwable {
    String brg = "brg_matmul:avx512_core_bf16";
    assertThat(chosen(true, AMX, brg, "gemm:jit:bf16", "ref:any")).isEqualTo(AMX);
    assertThat(chosen(false, AMX, brg, "gemm:jit:bf16", "ref:any")).isEqualTo(brg);
    assertThat(chosen(false, AMX, "gemm:jit:bf16", brg, "ref:any")).isEqualTo(brg);
    assertThat(chosen(false, AMX, "gemm:jit:bf16", "ref:any")).isEqualTo("gemm:jit:bf16");
    assertThat(chosen(false, AMX, "ref:any")).isEqualTo("ref:any");
    assertThat(chosen(false, AMX)).isEqualTo("none");
    Implementation.amx(false);
    assertThat(chosen(true, AMX, "gemm:jit:bf16", brg)).isEqualTo("gemm:jit:bf16");
  }

  private static Tensor gaussian(Tensor t, Random random) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }
}
