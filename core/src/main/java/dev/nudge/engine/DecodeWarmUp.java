package dev.nudge.engine;

import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.KvCache;
import dev.nudge.nn.KvPool;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Threads;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Makes the JVM compile the decode kernels while a model is loaded.
///
/// Before a loop of the Vector API is compiled, each of its vectors is an object, which would slow
/// the first tokens down. Compiled code belongs to the process, so decoding on a random model of
/// one layer warms up every other model too.
///
/// Threading: works on a thread of its own between [#start] and [#close].
public final class DecodeWarmUp implements AutoCloseable {
  private static final int STEPS = 400; // all is compiled long before
  private static final int POSITIONS = 100;
  private static final int SIDE = 4; // tokens of every other step
  private static final ModelConfig SMALL =
      ModelConfig.llama(256, 512, 1, 6, 2, 64, 1024, 128, true, 10_000);

  private static final Set<String> WARM = ConcurrentHashMap.newKeySet(); // what was decoded

  private final Backend backend;
  private final Quantization quantization;
  private final Thread thread;
  private volatile boolean closed;

  private DecodeWarmUp(Backend backend, Quantization quantization) {
    this.backend = backend;
    this.quantization = quantization;
    this.thread = new Thread(this::run, "decode warm-up");
    thread.setDaemon(true);
  }

  /// Starts the warm-up, once per process for each kind of weights.
  public static DecodeWarmUp start(Backend backend, Quantization quantization) {
    DecodeWarmUp warmUp = new DecodeWarmUp(backend, quantization);
    if (WARM.add(backend.name() + quantization.name())) {
      warmUp.thread.start();
    }
    return warmUp;
  }

  private void run() {
    try (CausalLm model = Checkpoint.random(SMALL, backend, quantization, 1);
        Team team = new Team(1);
        KvPool pool = model.pool(Limits.blocks(POSITIONS) + 1, Limits.BLOCK);
        Workspace ws = new Workspace(0, bytes(model), backend.gemms().apply(1))) {
      model.reserve(POSITIONS);
      KvCache cache = pool.cache();
      for (int step = 0; step < STEPS && !closed; step++) {
        int rows = step % 2 == 0 ? 1 : SIDE;
        int[] ids = new int[rows];
        Arrays.fill(ids, step);
        if (cache.length() + rows > POSITIONS) {
          cache.cut(0);
        }
        var _ =
            model
                .inference()
                .decode(ids, new int[] {rows}, List.of(cache), new int[] {-1}, ws, team);
      }
    }
  }

  private static long bytes(CausalLm model) {
    return Math.max(
        model.measured().decodeBytes(SIDE, 1),
        model.measured().prefillBytes(SIDE, 1, POSITIONS, Limits.BLOCK));
  }

  /// Stops the warm-up within one step.
  @Override
  public void close() {
    closed = true;
    Threads.join(thread);
  }
}
