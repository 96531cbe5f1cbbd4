package dev.nudge.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RepoNameTest {

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "org/name, MODEL, org/name, main, -",
        "hf:org/name, MODEL, org/name, main, -",
        "org/name@v1, MODEL, org/name, v1, -",
        "org/name@refs/pr/1, MODEL, org/name, refs/pr/1, -",
        "org/name@feature/x, MODEL, org/name, feature/x, -",
        "Org-1/Na.me_2-3B, MODEL, Org-1/Na.me_2-3B, main, -",
        "org/name/q4/m.gguf, MODEL, org/name, main, q4/m.gguf",
        "org/name@v1/m.gguf, MODEL, org/name, v1, m.gguf",
        "hf:datasets/org/rows/a/b.jsonl, DATASET, org/rows, main, a/b.jsonl",
        "datasets/org/rows@v2/*.parquet, DATASET, org/rows, v2, *.parquet",
        "datasets/org/rows@refs/convert/parquet/a.parquet, DATASET, org/rows, refs/convert/parquet, a.parquet",
        "datasets/org/rows, DATASET, org/rows, main, -"
      })
  void aNameHasItsParts(String text, RepoName.Kind kind, String id, String revision, String file) {
    assertThat(RepoName.parse(text)).isEqualTo(new RepoName(kind, id, revision, file));
    assertThat(RepoName.parse(RepoName.parse(text).toString())).isEqualTo(RepoName.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "name",
        "a/b/c",
        "/org/name",
        "../name",
        "org/..",
        "org/na--me",
        "-org/name",
        "org/name.git",
        "org./name",
        "org/name-",
        "org/name@",
        "org/name@../x",
        "org/name@a..b",
        "org/name@/x",
        "org\\name",
        "org/na me",
        "~/name",
        "./name",
        "org/name@v1@v2",
        "org/é"
      })
  void whatIsNoNameIsRefused(String text) {
    assertThat(RepoName.isName(text)).isFalse();
    assertThatThrownBy(() -> RepoName.parse(text))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("'" + text + "' is no name on the hub; it must be org/name");
  }

  @Test
  void aFolderOfTheCacheIsShownByItsName() {
    Path snapshot = Path.of("/c/models--org--na-me/snapshots", "0".repeat(40));
    assertThat(HubName.shown(snapshot)).isEqualTo("org/na-me");
    assertThat(HubName.last(snapshot.resolve("m.gguf"))).isEqualTo("org/na-me");
    assertThat(HubName.shown(Path.of("models/mine"))).isEqualTo("models/mine");
    assertThat(HubName.last(Path.of("models/mine"))).isEqualTo("mine");
    assertThat(RepoName.ofFolder("models--org--na-me")).isEqualTo(RepoName.model("org/na-me"));
    for (String none : List.of("models--org", ".locks", "spaces--a--b", "models--a--b--c")) {
      assertThat(RepoName.ofFolder(none)).isNull();
    }
  }
}
