package dev.nudge.train.events;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.TinyRun;
import dev.nudge.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

@DisabledOnOs(OS.WINDOWS) // the commands are those of a Unix shell
@Timeout(300) // less than a command here sleeps
class EventCommandTest {
  private static final TrainEvent WARNING = new TrainEvent.Warning("look 'out' \"now\"");

  @TempDir private Path temp;
  private final List<TrainEvent> told = new ArrayList<>();

  private List<String> warnings() {
    return told.stream()
        .filter(TrainEvent.Warning.class::isInstance)
        .filter(e -> !e.equals(WARNING))
        .map(e -> ((TrainEvent.Warning) e).line())
        .toList();
  }

  @Test
  void theEventIsOneObjectOnStandardInputAndItsNameInTheEnvironment() throws IOException {
    Path seen = temp.resolve("seen");
    try (EventCommand command =
        EventCommand.of("echo \"$NUDGE_EVENT $(cat)\" >> " + seen, told::add)) {
      command.accept(new TrainEvent.Started("id-1", Path.of("/o"), 0, 9, 2));
      command.accept(new TrainEvent.Planned("2 lanes"));
      command.accept(new TrainEvent.Evaluated(4, Double.NaN, 30, false, 0.5));
      command.accept(new TrainEvent.Saved(Path.of("/o/last")));
      command.accept(WARNING);
      command.accept(new TrainEvent.Diverged(7, TrainEvent.Diverged.Cause.NOT_FINITE, "x"));
      command.accept(new TrainEvent.Finished(RunState.FINISHED, 9, 99, 1.5, 0.25, null));
      command.accept(new TrainEvent.Finished(RunState.STOPPED, 9, 99, 1.5, null, null));
      command.accept(new TrainEvent.Failed(3, "no room"));
    }
    List<String> lines = Files.readAllLines(seen);
    assertThat(lines.stream().map(l -> l.substring(0, l.indexOf(' '))))
        .containsExactly(
            "started",
            "evaluated",
            "saved",
            "warning",
            "diverged",
            "finished",
            "stopped",
            "failed");
    for (String line : lines) {
      JsonNode event = Json.parseStrictly(line.substring(line.indexOf(' ') + 1));
      assertThat(event.path("event").asString("")).isEqualTo(line.split(" ")[0]);
      assertThat(event.path("run").asString("")).isEqualTo("id-1");
      assertThat(event.path("out").asString("")).isEqualTo("/o");
    }
    JsonNode evaluated = Json.parse(lines.get(1).substring("evaluated ".length()));
    assertThat(evaluated.path("loss").isNull()).as("not a number").isTrue();
    assertThat(evaluated.path("step").asInt(0)).isEqualTo(4);
    assertThat(lines.get(3)).contains("look 'out' \\\"now\\\"");
    assertThat(lines.get(4)).contains("\"cause\":\"not_finite\"");
    assertThat(told).hasSize(9);
    assertThat(warnings()).isEmpty();
  }

  @Test
  void aCommandThatFailsIsOneWarning() {
    try (EventCommand command = EventCommand.of("exit 3", told::add)) {
      for (int i = 0; i < 5; i++) {
        command.accept(WARNING);
      }
    }
    assertThat(warnings())
        .containsExactly(
            "the command of --on-event ended with exit code 3 at 'warning'; the run goes on, and"
                + " this is said once");
  }

  @Test
  void aCommandThatIsNotThereIsOneWarning() {
    try (EventCommand command = EventCommand.of("nudge-no-such-command", told::add)) {
      command.accept(WARNING);
      command.accept(WARNING);
    }
    assertThat(warnings()).singleElement().asString().contains("ended with exit code 127");
  }

  @Test
  void aCommandThatHangsHoldsNothingUpAndIsEndedWithItsChildren() throws Exception {
    Path pid = temp.resolve("pid");
    ProcessHandle child;
    try (EventCommand command =
        EventCommand.of(
            "sleep 600 & echo $! > " + pid + ".tmp; mv " + pid + ".tmp " + pid + "; wait",
            told::add,
            1)) {
      for (int i = 0; i < 200; i++) {
        command.accept(WARNING);
      }
      while (!Files.exists(pid)) {
        Thread.sleep(5);
      }
      child = ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
      assertThat(child.isAlive()).as("never waited for").isTrue();
    }
    assertThat(warnings()).singleElement().asString().contains("takes too long");
    child.onExit().join();
  }

  @Test
  void aCommandThatDoesNotReadWhatItIsToldIsNoFailure() {
    try (EventCommand command = EventCommand.of("true", told::add)) {
      command.accept(new TrainEvent.Warning("x".repeat(1 << 20)));
    }
    assertThat(told).hasSize(1);
  }

  @Test
  void anInterruptedRunStillTellsTheLastEvents() throws IOException {
    Path seen = temp.resolve("seen");
    try (EventCommand command = EventCommand.of("sleep 0.2; cat >> " + seen, told::add)) {
      command.accept(WARNING);
      command.accept(WARNING);
      Thread.currentThread().interrupt();
    }
    assertThat(Thread.interrupted()).isTrue();
    assertThat(Files.readAllLines(seen)).hasSize(2);
  }

  @Test
  void aRunTellsItsEventsInOrderAndNothingOfThemIsOnTheCommandLine() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows"), 8, 30, 1);
    Path seen = temp.resolve("seen");
    TrainSettings settings =
        TinyRun.settings(TinyRun.TIED, rows, temp.resolve("out"), "steps 3 compute fp32 threads 1")
            .withEvalData(rows.toString())
            .withOnEvent(
                "echo \"$NUDGE_EVENT\" >> "
                    + seen
                    + "; tr '\\0' ' ' < /proc/$$/cmdline > "
                    + seen
                    + ".line; cat > /dev/null");
    TinyRun.run(settings);
    assertThat(Files.readAllLines(seen))
        .containsSubsequence("started", "evaluated", "saved", "finished")
        .endsWith("finished");
    Path line = temp.resolve("seen.line");
    if (Files.exists(Path.of("/proc/self/cmdline"))) {
      assertThat(Files.readString(line)).startsWith("/bin/sh -c echo").doesNotContain("finished");
    }
    try (Stream<String> text = Files.lines(temp.resolve("out/run.json"))) {
      assertThat(text).noneMatch(l -> l.contains("NUDGE_EVENT"));
    }
  }

  @Test
  void aRunThatFailsWhileItLoadsTellsSo() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows"), 8, 30, 1);
    Path seen = temp.resolve("seen");
    TrainSettings settings =
        TinyRun.settings(TinyRun.TIED, rows, temp.resolve("out"), "steps", 3, "compute", "fp32")
            .withOnEvent("cat >> " + seen);
    Prepared prepared = Training.prepare(settings, TinyRun.MACHINE);
    Files.writeString(temp.resolve("out"), "in the way");
    org.assertj.core.api.Assertions.assertThatThrownBy(
            () -> Training.run(prepared, told::add, () -> false))
        .isInstanceOf(RuntimeException.class);
    assertThat(told.getLast()).isInstanceOf(TrainEvent.Failed.class);
    assertThat(Files.readString(seen)).contains("\"event\":\"failed\"");
  }
}
