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

/// Measures how fast this process multiplies matrices: what a step can reach at best.
///
/// Square products of 2048 on all threads, two ways: one thread a lane, each with a product of its
/// own, and one product on all threads; the right factor plain and transposed. The best product of
/// all counts, since a shared machine is only ever too slow.
final class GemmRate implements AutoCloseable {
  private static final int SIZE = 2048;
  private static final long NANOS = 400_000_000L; // of each way

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

  /// Prepares products in the type of the computation for `threads` threads in all; keeps their
  /// matrices until it is closed.
  static GemmRate of(Backend backend, int threads, Clock clock) {
    Lanes lanes = new Lanes(threads + 1);
    List<Side> sides = lanes.run(lane -> Side.of(backend, lane < threads ? 1 : threads));
    return new GemmRate(
        lanes, new ArrayList<>(sides.subList(0, threads)), sides.get(threads), clock);
  }

  /// The best of three times of a product, one thread a lane: short, to stand between steps.
  ///
  /// @return seconds of the lanes together for each of their products
  double probe() {
    return seconds(lane -> side(lane, false, true), 0) / sides.size();
  }

  /// The best rate seen now, GFLOP/s.
  double measure() {
    double best = 0;
    for (boolean transposed : new boolean[] {false, true}) {
      best = Math.max(best, rate(sides.size(), lane -> side(lane, false, transposed), NANOS));
      if (clock == Clock.WALL) { // the threads of a library are not seen otherwise
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
