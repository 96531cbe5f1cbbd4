package dev.nudge.bench;

import dev.nudge.bench.measure.Clock;
import dev.nudge.machine.Backend;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Measures this process's matrix product rate: a step's upper bound.
///
/// It times 2048³ products in two ways: one product a thread, and one product on all threads; the
/// right factor plain and transposed. The best product counts, because other load on a shared
/// machine only slows products.
final class GemmRate implements AutoCloseable {
  private static final int SIZE = 2048;
  private static final long NANOS = 400_000_000L; // each way

  private final Lanes lanes;
  private final List<Side> sides;
  private final Side together;
  private final Clock clock;

  /// One thread's Gemm and matrices.
  private record Side(Gemm gemm, Scope scope, Tensor a, Tensor b, Tensor c)
      implements AutoCloseable {
    static Side of(Backend backend, int threads) {
      Dtype dtype = backend.compute();
      Scope scope = Scope.open("gemm rate");
      Tensor a = scope.tensor(dtype, SIZE, SIZE);
      Tensor b = scope.tensor(dtype, SIZE, SIZE);
      for (long i = 0; i < a.elements(); i++) {
        a.put(i, (i * 37 % 101 - 50) / 64.0);
        b.put(i, (i * 53 % 97 - 48) / 64.0);
      }
      return new Side(backend.gemms().apply(threads), scope, a, b, scope.tensor(dtype, SIZE, SIZE));
    }

    void multiply(boolean transposed) {
      gemm.multiply(a, transposed ? b.transposed() : b, c, false);
    }

    @Override
    public void close() {
      gemm.close();
      scope.close();
    }
  }

  private GemmRate(Lanes lanes, List<Side> sides, Side together, Clock clock) {
    this.clock = clock;
    this.lanes = lanes;
    this.sides = sides;
    this.together = together;
  }

  /// Prepares products in the compute type for `threads` threads; keeps the matrices until it is
  /// closed.
  static GemmRate of(Backend backend, int threads, Clock clock) {
    Lanes lanes = new Lanes(threads + 1);
    List<Side> sides = lanes.run(lane -> Side.of(backend, lane < threads ? 1 : threads));
    return new GemmRate(
        lanes, new ArrayList<>(sides.subList(0, threads)), sides.get(threads), clock);
  }

  /// Times a product three times, one thread a lane: short enough between steps.
  ///
  /// @return least seconds a product over all lanes
  double probe() {
    return seconds(lane -> side(lane, false, true), 0) / sides.size();
  }

  /// Measures the best rate, GFLOP/s.
  double measure() {
    double best = 0;
    for (boolean transposed : new boolean[] {false, true}) {
      best = Math.max(best, rate(sides.size(), lane -> side(lane, false, transposed), NANOS));
      if (clock == Clock.WALL) { // CPU time misses library threads
        best = Math.max(best, rate(1, lane -> side(lane, true, transposed), NANOS));
      }
    }
    return best;
  }

  private void side(int lane, boolean one, boolean transposed) {
    if (one && lane == sides.size()) {
      together.multiply(transposed);
    } else if (!one && lane < sides.size()) {
      sides.get(lane).multiply(transposed);
    }
  }

  private interface ForLane {
    void run(int lane);
  }

  private double rate(int products, ForLane work, long nanos) {
    return products * 2.0 * SIZE * SIZE * SIZE / seconds(work, nanos) / 1e9;
  }

  private double seconds(ForLane work, long nanos) {
    double best = Double.MAX_VALUE;
    long end = System.nanoTime() + nanos;
    for (int i = 0; i < 3 || System.nanoTime() < end; i++) {
      double start = clock.lanes(sides.size());
      lanes.run(
          lane -> {
            work.run(lane);
            return lane;
          });
      best = Math.min(best, clock.lanes(sides.size()) - start);
    }
    return best;
  }

  @Override
  public void close() {
    lanes.run(
        lane -> {
          (lane == sides.size() ? together : sides.get(lane)).close();
          return lane;
        });
    lanes.close();
  }
}
