package dev.nudge.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds which files a folder and a split mean.
class SourceFilesTest {
  @TempDir Path folder;

  private void write(String... names) throws IOException {
    for (String name : names) {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.writeString(folder.resolve(name), "{}\n");
    }
  }

  private List<String> found(String name, Pick pick) {
    String given = name.isEmpty() ? folder.toString() : folder.resolve(name).toString();
    return SourceFiles.of(List.of(given), pick).stream()
        .map(found -> folder.relativize(found.file()).toString())
        .toList();
  }

  @Test
  void aFolderWithoutSplitsIsAllItsDataInTheOrderOfNames() throws IOException {
    write(
        "b.jsonl",
        "a/2.csv",
        "a/1.json.gz",
        "a/10.parquet",
        "README.md",
        ".git/x.json",
        "dataset_info.json");
    assertThat(found("", Pick.TRAIN))
        .containsExactly("a/1.json.gz", "a/10.parquet", "a/2.csv", "b.jsonl");
  }

  @Test
  void aFolderWithSplitsIsTheOneToTrainOn() throws IOException {
    write(
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/validation-00000-of-00001.parquet",
        "data/test-00000-of-00001.parquet");
    assertThat(found("", Pick.TRAIN))
        .containsExactly("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet");
    assertThat(found("", Pick.but("test"))).hasSize(2);
    assertThat(found("", Pick.held("val")))
        .containsExactly("data/validation-00000-of-00001.parquet");
    assertThat(found("data/*.parquet", Pick.but("test"))).hasSize(3);
    assertThat(found("data/*.parquet", Pick.held("test")))
        .containsExactly("data/test-00000-of-00001.parquet");
    assertThat(found("data/*.parquet", Pick.TRAIN)).hasSize(4);
  }

  @Test
  void splitsAreToldByWords() throws IOException {
    write("my_train.csv", "my-dev.csv", "test2.csv", "other.csv", "contest.csv");
    assertThat(found("", Pick.TRAIN)).containsExactly("my_train.csv");
    assertThat(found("", Pick.held("dev"))).containsExactly("my-dev.csv");
    assertThat(found("", Pick.held("test"))).containsExactly("test2.csv");
    write("nested/validation/1.jsonl", "nested/train/1.jsonl");
    assertThat(found("nested", Pick.held("validation")))
        .containsExactly("nested/validation/1.jsonl");
  }

  @Test
  void whatIsNotThereIsTold() throws IOException {
    write(
        "data/train_sft-00000-of-00001.jsonl", "data/test_sft-00000-of-00001.jsonl", "empty/a.md");
    assertThatThrownBy(() -> found("data", Pick.TRAIN))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(" has no split train; it has test_sft, train_sft; name files");
    assertThat(found("data", Pick.held("test_sft"))).hasSize(1);
    assertThatThrownBy(() -> found("data", Pick.held("test")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--eval-split test: no file of ")
        .hasMessageEndingWith("a share such as 0.05 cuts one off");
    assertThatThrownBy(() -> found("empty", Pick.TRAIN))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(" holds no data; a file of it ends in .jsonl, .json, .csv");
  }
}
