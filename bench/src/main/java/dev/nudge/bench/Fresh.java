package dev.nudge.bench;

import dev.nudge.bench.measure.BenchFlags;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.bench.measure.TrainingSteps;
import dev.nudge.machine.Backend;
import dev.nudge.model.CausalLm;
import dev.nudge.settings.verb.Compute;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A control for [Steady]: a fresh process that makes the same step on request, to tell a slower
/// machine from a slowing run. It reads requests from standard input and exits at its end.
final class Fresh implements AutoCloseable {
  private final Process process;
  private final BufferedReader answers;

  private Fresh(Process process) {
    this.process = process;
    this.answers = process.inputReader(StandardCharsets.US_ASCII);
  }

  /// Starts a fresh process, which makes `warm` uncounted steps.
  ///
  /// @param flags of [Steady]
  static Fresh start(List<String> flags, int warm) {
    List<String> options = ManagementFactory.getRuntimeMXBean().getInputArguments();
    List<String> command = Child.java(options, Fresh.class, flags);
    try {
      Fresh fresh = new Fresh(new ProcessBuilder(command).redirectError(Redirect.INHERIT).start());
      for (int i = 0; i < warm; i++) {
        fresh.step();
      }
      return fresh;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Lets the process make a step.
  ///
  /// @return seconds, by its own clock
  double step() {
    try {
      process.getOutputStream().write('\n');
      process.getOutputStream().flush();
      String answer = answers.readLine();
      if (answer != null) {
        return Double.parseDouble(answer);
      }
      throw new EOFException();
    } catch (IOException e) {
      throw new UncheckedIOException("the fresh process has ended", e);
    }
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }

  /// Holds one fresh process at a time, another one for each window of steps.
  static final class Renewed implements AutoCloseable {
    private final List<String> flags;
    private final int first;
    private final int window;
    private @Nullable Fresh fresh;
    private int of;

    /// Creates the holder without a process.
    ///
    /// @param first first step of the first window; earlier steps use the same process too
    /// @param window steps in each
    Renewed(List<String> flags, int first, int window) {
      this.flags = flags;
      this.first = first;
      this.window = window;
    }

    /// Lets the process of this step's window make a step.
    ///
    /// @return seconds, by its own clock
    double step(int made) {
      int now = Math.max(0, made - first) / window;
      Fresh present = fresh;
      if (present == null || now != of) {
        close();
        present = start(flags, first);
        fresh = present;
        of = now;
      }
      return present.step();
    }

    @Override
    public void close() {
      if (fresh != null) {
        fresh.close();
      }
    }
  }

  public static void main(String[] args) throws IOException {
    BenchFlags flags = Steady.flags(args);
    Backend backend = Backend.resolve(flags.choice("compute", Compute.class), Machines.cache());
    BufferedReader asked =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    try (CausalLm model = Steady.model(flags, backend);
        TrainingSteps steps = Steady.steps(flags, model)) {
      while (asked.readLine() != null) {
        System.out.println(steps.step());
      }
    }
  }
}
