package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.BadInputTest.Mount;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Fills the disk of a run at different moments, down to different rests, so that each of its files
/// is the first that has no room: the last checkpoint stays, and the run goes on when there is
/// room.
class FullDiskTest {
  private static final String FLAGS =
      " --rank 32 --eval-data D/rows.jsonl --eval-steps 3 --steps 8 --save-steps 1 --lanes 1"
          + " --dropout 0.1 --learning-rate 1e-3";

  @TempDir static java.nio.file.Path whole;
  private static byte[] adapter;
  private static List<String> losses;

  @TempDir java.nio.file.Path folder;

  @BeforeAll
  static void aRunThatHasRoom() throws IOException {
    Place place = Place.in(whole);
    assertThat(place.train((FLAGS + " --out D/out").strip().split(" ")).code()).isZero();
    adapter = adapter(place, "out");
    losses = losses(place, "out");
  }

  private static String[] train(String more) {
    return (BadInputTest.TRAIN + FLAGS + more).split(" ");
  }

  private static byte[] adapter(Place place, String out) throws IOException {
    return Files.readAllBytes(place.path(out + "/adapter_model.safetensors"));
  }

  private static List<String> losses(Place place, String out) throws IOException {
    Pattern loss = Pattern.compile("\"step\":\\d+,\"(eval_)?loss\":[^,]*");
    return Files.readAllLines(place.path(out + "/metrics.jsonl")).stream()
        .map(loss::matcher)
        .filter(Matcher::find)
        .map(Matcher::group)
        .toList();
  }

  /// A checkpoint has 425 KB, an adapter 141 KB, a tokenizer 9 KB, `run.json` 4 KB, a line 200
  /// bytes.
  @ParameterizedTest
  @CsvSource({
    "Planned, 0",
    "Planned, 8",
    "Planned, 40",
    "Planned, 200",
    "Planned, 500",
    "Planned, 600",
    "Step, 0",
    "Step, 4",
    "Step, 100",
    "Step, 300",
    "Step, 450",
    "Step, 580",
    "Evaluated, 0",
    "Evaluated, 300",
    "Evaluated, 500",
    "Saved, 0",
    "Saved, 4",
    "Saved, 300",
    "Saved, 500"
  })
  void whereverItIsFullTheRunGoesOnLater(String event, int left) throws Exception {
    Place place = Place.in(folder);
    try (Mount mount = Mount.of(place.path("disk"), "size=6m")) {
      Map<String, Long> before = Ledger.byOwner();
      Class<? extends TrainEvent> at = event(event);
      Ran ran =
          place.run(
              List.of(BadInputTest.filling(mount, at, left << 10)), train(" --disk-wait 0 -q"));
      assertThat(ran.code()).as(ran.err()).isEqualTo(1);
      assertThat(ran.err().lines().toList().getLast())
          .startsWith("nudge: cannot write D/disk/out")
          .endsWith(": No space left on device");
      assertThat(Ledger.byOwner()).isEqualTo(before);
      mount.free();
      Ran rest = place.run(train(" --disk-wait 0"));
      assertThat(rest.code()).as(rest.err()).isZero();
      assertThat(adapter(place, "disk/out")).isEqualTo(adapter);
      assertThat(losses(place, "disk/out")).isEqualTo(losses);
    }
  }

  private static Class<? extends TrainEvent> event(String name) {
    return switch (name) {
      case "Planned" -> TrainEvent.Planned.class;
      case "Step" -> TrainEvent.Step.class;
      case "Evaluated" -> TrainEvent.Evaluated.class;
      default -> TrainEvent.Saved.class;
    };
  }

  @Test
  void itWaitsForRoomAndGoesOn() throws Exception {
    Place place = Place.in(folder);
    try (Mount mount = Mount.of(place.path("disk"), "size=6m")) {
      boolean[] told = {false};
      TrainVerb filling =
          new TrainVerb(
              (settings, events, cancelled) ->
                  Library.train(
                      settings,
                      event -> {
                        events.accept(event);
                        if (event instanceof TrainEvent.Saved && !told[0]) {
                          mount.fill(0);
                        }
                        if (event instanceof TrainEvent.Warning warning
                            && warning.line().contains("is full")) {
                          told[0] = true;
                          mount.free();
                        }
                      },
                      cancelled));
      Ran ran = place.run(List.of(filling), train(""));
      assertThat(ran.code()).as(ran.err()).isZero();
      assertThat(ran.err())
          .contains(
              "nudge: warning: the disk of D/disk/out is full; make room: the run waits up to 60 s"
                  + " (--disk-wait) and then ends, its last checkpoint kept");
      assertThat(adapter(place, "disk/out")).isEqualTo(adapter);
    }
  }
}
