package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.bench.HeadlinePage.Row;
import dev.nudge.bench.measure.Child;
import dev.nudge.bench.measure.Machines;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeadlineTest {
  private static final Path HOME = Path.of("..");
  private static final Pattern COMMIT = Pattern.compile("\\b(?=[a-f]*\\d)[0-9a-f]{7,12}\\b");

  @TempDir Path folder;

  @Test
  void readmeAndBenchmarksShowTheRecord() throws IOException {
    assertThat(HeadlinePage.written(HOME.resolve(HeadlinePage.README)))
        .isEqualTo(HeadlinePage.readme(HOME));
    assertThat(HeadlinePage.written(HOME.resolve(HeadlinePage.BENCHMARKS)))
        .isEqualTo(HeadlinePage.benchmarks(HOME));
  }

  @Test
  void everyCommitOfTheBenchmarksIsOneOfTheHistory() throws IOException {
    assumeTrue(Files.exists(HOME.resolve(".git")), "needs the history");
    Child.Ran log = Child.run(List.of("git", "log", "--format=%H"), HOME, 0);
    assumeTrue(log.exit() == 0, "needs git");
    Child.Ran shallow = Child.run(List.of("git", "rev-parse", "--is-shallow-repository"), HOME, 0);
    assumeTrue(shallow.output().strip().equals("false"), "needs the whole history");
    Set<String> known = new TreeSet<>(log.output().lines().toList());
    Set<String> missing = new TreeSet<>();
    int found = 0;
    for (Path page : List.of(HeadlinePage.README, HeadlinePage.BENCHMARKS)) {
      String text = Files.readString(HOME.resolve(page));
      for (MatchResult match : COMMIT.matcher(text).results().toList()) {
        found++;
        if (known.stream().noneMatch(commit -> commit.startsWith(match.group()))) {
          missing.add(match.group());
        }
      }
    }
    assertThat(missing).as("commits that git log does not have").isEmpty();
    assertThat(found).isGreaterThan(10);
  }

  @Test
  void thePagesGetWhatWasMeasured() throws IOException {
    Files.createDirectories(folder.resolve("docs"));
    for (Path page : List.of(HeadlinePage.README, HeadlinePage.BENCHMARKS)) {
      Files.writeString(
          folder.resolve(page), "before\n<!-- headline -->\nold\n<!-- /headline -->\nafter\n");
    }
    HeadlinePage page =
        new HeadlinePage(
            "a machine",
            "2026-12-02",
            "abcd1234",
            "a model",
            34,
            List.of(
                new Row("rate", "tokens", "491 tokens/s", "490, 491", ""),
                new Row("ratio", "beside", Headline.NONE, "", "not found")));
    page.write(folder);
    assertThat(Json.record(Json.read(folder.resolve(HeadlinePage.RECORD)), HeadlinePage.class))
        .isEqualTo(page);
    assertThat(folder.resolve(HeadlinePage.README))
        .hasContent(
            """
            before
            <!-- headline -->
            | what | figure | beside |
            |---|---|---|
            | tokens | 491 tokens/s |  |
            | beside | – | not found |

            `bench/headline`, 2026-12-02, commit abcd1234, a model, 34 minutes; a machine.
            <!-- /headline -->
            after
            """);
    assertThat(HeadlinePage.written(folder.resolve(HeadlinePage.BENCHMARKS)))
        .contains("| `rate` | tokens | 491 tokens/s | 490, 491 |", "commit abcd1234")
        .doesNotContain("old");
    Files.writeString(folder.resolve(HeadlinePage.README), "no marks\n");
    assertThatThrownBy(() -> page.write(folder)).hasMessageContaining("<!-- headline -->");
  }

  @Test
  void aProcessorHasTheNameOfItsGeneration() {
    assertThat(
            Stream.of("25 17", "25 1", "26 2", "6 207", "6 1", "23 1", "unknown unknown")
                .map(p -> Machines.generation(p.split(" ")[0], p.split(" ")[1])))
        .containsExactly(
            " (family 25, model 17: Zen 4)",
            " (family 25, model 1: Zen 3)",
            " (family 26, model 2: Zen 5)",
            " (family 6, model 207: Emerald Rapids)",
            "",
            "",
            "");
  }
}
