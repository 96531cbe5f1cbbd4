package dev.nudge.cli.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.TextTable;
import dev.nudge.hub.KnownNames;
import dev.nudge.plan.KnownModels;
import dev.nudge.settings.Bytes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class KnownModelsTableTest {
  private static final Path PAGE =
      Path.of("src/main/resources/dev/nudge/cli/models", KnownModelsTable.FILE);

  /// `NUDGE_WRITE=yes` writes the table anew, on a machine with bf16.
  @Test
  void theTableHasTheFiguresOfThePlanner() throws IOException {
    if (System.getenv("NUDGE_WRITE") != null) {
      List<List<String>> rows = new ArrayList<>();
      rows.add(List.of("MODEL", "PARAMETERS", "MEMORY", "WITH NF4", "LOADED"));
      KnownNames.shapes()
          .forEach((name, shape) -> rows.add(row(name, TrainingNeed.of(Path.of(shape)))));
      Files.createDirectories(PAGE.getParent());
      Files.writeString(PAGE, String.join("\n", TextTable.lines(rows)) + "\n");
    }
    List<String> lines = Files.readAllLines(PAGE);
    assertThat(lines.stream().skip(1).map(line -> line.split(" ", 2)[0]))
        .containsExactlyElementsOf(KnownNames.all());
    TrainingNeed need = TrainingNeed.of(Path.of("SmolLM2-135M"));
    double here = need.nf4() / (double) (1 << 30); // twice as much in fp32
    assertThat(gib(lines.get(1), 3)).isBetween(here / 2, here * 2);
  }

  @Test
  void theTableSaysWhichModelsWereEverLoadedAndThatTheHubWasNeverMet() {
    List<String> lines = KnownModelsTable.lines();
    for (String name : KnownNames.all()) {
      String line = lines.stream().filter(l -> l.startsWith(name + " ")).findFirst().orElseThrow();
      assertThat(line).endsWith(KnownNames.rebuilt().contains(name) ? "rebuilt weights" : "never");
    }
    assertThat(KnownNames.all()).containsAll(KnownNames.rebuilt());
    assertThat(String.join(" ", lines)).contains("nothing was ever fetched from the real hub");
  }

  @Test
  void everyShapeIsOneOfThePlanner() {
    assertThat(KnownModels.names()).containsAll(KnownNames.shapes().values());
  }

  private static List<String> row(String name, TrainingNeed need) {
    return List.of(
        name,
        "%,d M".formatted(Math.round(need.parameters() / 1e6)),
        Bytes.shown(need.memory()),
        Bytes.shown(need.nf4()),
        KnownNames.rebuilt().contains(name) ? "rebuilt weights" : "never");
  }

  private static double gib(String line, int column) {
    String[] cell = line.split(" {2,}")[column].split(" ");
    return Double.parseDouble(cell[0]) / (cell[1].equals("MiB") ? 1024 : 1);
  }
}
