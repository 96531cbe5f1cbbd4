package dev.nudge.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Holds the products of long attention to the pages that they have: oneDNN takes up to megabytes
/// for each and frees them, and pages that went back to the system would come again cleared, a
/// sixth of a training step of 4,096 tokens.
///
/// Once, after whatever had run before in its process, a thread got 191 new pages each round;
/// probably its arena ended where a product's memory begins, and glibc cuts an arena's end back
/// whatever its thresholds are. So three threads have a try, each with an arena of its own: of
/// products that give their pages back none passes.
class ProductPagesTest {
  private static final Path STAT = Path.of("/proc/thread-self/stat");
  private static final int ROUNDS = 20;
  private static final int WINDOWS = 5; // pages of Java's heap come once, a product's every time
  private static final int THREADS = 3;
  private static final int KEYS = 4064; // no multiple of 64: sizes are left open
  private static final int ROWS = 96;
  private static final int DIM = 64;

  @ParameterizedTest
  @ValueSource(strings = {"F32", "BF16"})
  void aRepeatedProductTakesNoNewPages(Dtype dtype)
      throws InterruptedException, ExecutionException {
    assumeTrue(Files.isReadable(STAT), "the system does not count a thread's page faults");
    GemmProvider provider = GemmProvider.find().orElseThrow();
    var missing = provider.load(Backends.cache());
    assumeTrue(missing.isEmpty(), () -> missing.orElse(""));
    assumeTrue(provider.probe(dtype) > 0, "needs products of " + dtype);
    CountDownLatch end = new CountDownLatch(1);
    try {
      long least = Long.MAX_VALUE;
      for (int thread = 0; thread < THREADS && least >= ROUNDS; thread++) {
        least = Math.min(least, onAThread(() -> faults(provider, dtype), end));
      }
      assertThat(least).as("pages").isLessThan(ROUNDS);
    } finally {
      end.countDown();
    }
  }

  /// Calls on a thread that lives until the end, so that the next one has another arena.
  private static long onAThread(Callable<Long> call, CountDownLatch end)
      throws InterruptedException, ExecutionException {
    CompletableFuture<Long> result = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                result.complete(call.call());
                end.await();
              } catch (Throwable e) {
                result.completeExceptionally(e);
              }
            });
    return result.get();
  }

  private static long faults(GemmProvider provider, Dtype dtype) throws IOException {
    try (Scope scope = Scope.open("test");
        Gemm gemm = provider.open(1);
        Malloc.Retention _ = Malloc.keepBlocks()) {
      Tensor q = scope.tensor(dtype, ROWS, DIM);
      Tensor k = scope.tensor(dtype, KEYS, DIM);
      Tensor probs = scope.tensor(dtype, ROWS, KEYS);
      Tensor scores = scope.tensor(Dtype.F32, ROWS, KEYS);
      Tensor out = scope.tensor(dtype, ROWS, DIM);
      Tensor dv = scope.tensor(Dtype.F32, KEYS, DIM);
      return faults(gemm, q, k, probs, scores, out, dv);
    }
  }

  /// The fewest pages that this thread touched first in a window of rounds, the first one left out.
  private static long faults(
      Gemm gemm, Tensor q, Tensor k, Tensor probs, Tensor scores, Tensor out, Tensor dv)
      throws IOException {
    long least = Long.MAX_VALUE;
    for (int window = 0; window <= WINDOWS; window++) {
      long before = faults();
      for (int i = 0; i < ROUNDS; i++) {
        gemm.multiply(q, k.transposed(), scores, false);
        gemm.multiply(probs, k, out, false);
        gemm.multiply(probs.transposed(), q, dv, true);
      }
      least = window == 0 ? least : Math.min(least, faults() - before);
    }
    return least;
  }

  /// Pages that this thread touched first since it began.
  private static long faults() throws IOException {
    String stat = Files.readString(STAT);
    return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[7]);
  }
}
