package dev.nudge.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.machine.Machine;
import dev.nudge.machine.Reservations;
import dev.nudge.machine.Reservations.Reservation;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Starts runs at the same moment: both have seen the same free memory, and one announces first.
class SharedMemoryTest {
  private static final long FREE = 4L << 30;
  private static final long STEP = 100L << 10; // less than what packed weights take

  @TempDir private Path temp;
  private TrainSettings settings;

  @BeforeEach
  void aRun() throws IOException {
    Path data = TinyRun.rows(temp.resolve("rows.jsonl"), 8, 20, 1);
    settings = TinyRun.settings(TinyRun.TIED, data, temp.resolve("out"), "compute", "fp32");
  }

  /// A run that is refused only tells what warms up to end; its bytes are in the ledger until then.
  @AfterEach
  void warmUpsEnded() throws InterruptedException {
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().equals("warm-up")) {
        thread.join();
      }
    }
  }

  private Reservations announced() {
    return Reservations.in(temp.resolve("memory"));
  }

  private Machine machine(long free) {
    return new Machine(2, free, Backends.cache(), "test", announced());
  }

  private Prepared run(TrainSettings run, Machine machine, List<String> lines) {
    AtomicReference<Prepared> made = new AtomicReference<>();
    RunResult result =
        Training.run(
            run,
            machine,
            prepared -> {
              made.set(prepared);
              lines.addAll(prepared.lines());
              assertThat(announced().runs()).as("it is announced itself").isPositive();
            },
            event -> {},
            () -> false);
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    return requireNonNull(made.get());
  }

  @Test
  void theSecondIsPlannedWithWhatTheFirstLeaves() {
    long wanted = Training.prepare(settings, machine(FREE)).plan().totalBytes();
    Machine first = machine(FREE);
    Machine second = machine(FREE);
    List<String> lines = new ArrayList<>();
    try (Reservation _ = requireNonNull(first.others().take(FREE - wanted + STEP, FREE))) {
      Prepared prepared = run(settings, second, lines);
      assertThat(prepared.machine().memoryBytes()).isEqualTo(wanted - STEP);
      assertThat(prepared.plan().totalBytes()).isLessThan(wanted - STEP);
      assertThat(announced().runs()).isOne();
    }
    assertThat(lines)
        .anyMatch(line -> line.matches("layout .* planned by 1 other run now leave; .*"));
    assertThat(announced().runs()).isZero();
  }

  @Test
  void whereBothFitNothingIsPlannedAgain() {
    Machine second = machine(FREE);
    try (Reservation _ = requireNonNull(announced().take(FREE / 2, FREE))) {
      assertThat(run(settings, second, new ArrayList<>()).machine()).isSameAs(second);
    }
  }

  @Test
  void whereTheSecondDoesNotFitItIsRefusedBeforeItWrites() {
    Machine second = machine(FREE);
    try (Reservation _ = requireNonNull(announced().take(FREE - (8 << 20), FREE))) {
      assertThatThrownBy(() -> run(settings, second, new ArrayList<>()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("and may use 8 MiB");
      assertThat(announced().runs()).isOne();
    }
    assertThat(temp.resolve("out")).doesNotExist();
  }

  @Test
  void memoryThatIsGivenIsTakenAsItIs() {
    Machine second = machine(FREE);
    try (Reservation _ = requireNonNull(announced().take(FREE, FREE))) {
      Prepared prepared = run(settings.with("memory", "1G"), second, new ArrayList<>());
      assertThat(prepared.machine()).isSameAs(second);
    }
  }
}
