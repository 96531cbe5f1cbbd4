package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Folders of shards: what an index may name.
class ShardsTest {
  @TempDir Path root;
  private Path folder;

  @BeforeEach
  void twoShards() throws IOException {
    folder = Files.createDirectory(root.resolve("model"));
    shard(folder.resolve("one.safetensors"), "a", 1);
    shard(folder.resolve("two.safetensors"), "b", 2);
    shard(root.resolve("outside.safetensors"), "b", 3);
  }

  static void shard(Path file, String name, float value) {
    try (var scope = Scope.open("test");
        var writer =
            SafeTensorsWriter.create(
                file, Map.of("format", "pt"), List.of(Entry.of(name, Dtype.F32, 1, 1)))) {
      var tensor = scope.tensor(Dtype.F32, 1, 1);
      tensor.set(0, 0, value);
      writer.write(name, tensor);
    }
  }

  private void index(String json) throws IOException {
    Files.writeString(folder.resolve(Shards.INDEX), json);
  }

  @Test
  void shardsOpenAsOne() throws IOException {
    Files.createDirectory(folder.resolve("sub"));
    Files.move(folder.resolve("two.safetensors"), folder.resolve("sub/two.safetensors"));
    index(
        """
        {"metadata": {"total_size": 8}, "weight_map":
          {"b": "./sub/two.safetensors", "a": "one.safetensors"}}
        """);
    try (var weights = SafeTensors.open(folder)) {
      assertThat(weights.names()).containsExactly("a", "b");
      assertThat(weights.tensor("a").get(0, 0)).isEqualTo(1);
      assertThat(weights.tensor("b").get(0, 0)).isEqualTo(2);
      assertThat(weights.metadata()).containsExactly(Map.entry("format", "pt"));
      assertThat(weights.files())
          .containsExactly(
              folder.resolve("one.safetensors"), folder.resolve("sub/two.safetensors"));
      assertThat(weights.file("b")).isEqualTo(folder.resolve("sub/two.safetensors"));
    }
  }

  @Test
  void aSingleFileGoesBeforeAnIndex() throws IOException {
    index("{\"weight_map\": {\"a\": \"one.safetensors\"}}");
    shard(folder.resolve("model.safetensors"), "c", 4);
    try (var weights = SafeTensors.open(folder)) {
      assertThat(weights.names()).containsExactly("c");
    }
  }

  @Test
  void theCacheOfHuggingFaceMayLinkToItsBlobs() throws IOException {
    Path cache = Files.createDirectories(root.resolve("cache"));
    Path blobs = Files.createDirectory(cache.resolve("blobs"));
    Path snapshot = Files.createDirectories(cache.resolve("snapshots/0123"));
    shard(blobs.resolve("aaaa"), "a", 1);
    Files.writeString(blobs.resolve("iiii"), "{\"weight_map\": {\"a\": \"one.safetensors\"}}");
    Path up = Path.of("../../blobs");
    Files.createSymbolicLink(snapshot.resolve("one.safetensors"), up.resolve("aaaa"));
    Files.createSymbolicLink(snapshot.resolve(Shards.INDEX), up.resolve("iiii"));
    try (var weights = SafeTensors.open(snapshot)) {
      assertThat(weights.names()).containsExactly("a");
    }
  }

  /// `huggingface_hub` 2.4 keeps files of Xet once for all repositories, and a blob is a link.
  @Test
  void aBlobOfARepositoryMayLinkToTheBlobsOfAll() throws IOException {
    Path cache = Files.createDirectories(root.resolve("hub"));
    Path shared = Files.createDirectories(cache.resolve("blobs/aa"));
    Path snapshot = Files.createDirectories(cache.resolve("models--o--m/snapshots/0123"));
    Path blobs = Files.createDirectories(cache.resolve("models--o--m/blobs"));
    shard(shared.resolve("xet"), "a", 1);
    Files.writeString(
        snapshot.resolve(Shards.INDEX), "{\"weight_map\": {\"a\": \"one.safetensors\"}}");
    Files.createSymbolicLink(blobs.resolve("aaaa"), Path.of("../../blobs/aa/xet"));
    Files.createSymbolicLink(snapshot.resolve("one.safetensors"), Path.of("../../blobs/aaaa"));
    try (var weights = SafeTensors.open(snapshot)) {
      assertThat(weights.names()).containsExactly("a");
    }
  }

  static Stream<Arguments> mistakes() {
    String only = "; only files in the index's folder are allowed";
    return Stream.of(
        Arguments.of("", "index is empty; an object is needed"),
        Arguments.of("not JSON", "index is not valid JSON at character"),
        Arguments.of("{}", "weight_map is missing or empty; it must name the file of each tensor"),
        Arguments.of("{\"weight_map\": {}}", "weight_map is missing or empty"),
        Arguments.of("{\"weight_map\": 3}", "index: weight_map is 3; an object is needed"),
        Arguments.of(
            "{\"weight_map\": {\"a\": 3}}", "index: weight_map \"a\" is 3; a string is needed"),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"one.safetensors\", \"a\": \"two.safetensors\"}}",
            "the name \"a\" comes twice"),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"../outside.safetensors\"}}",
            "weight_map names the file \"../outside.safetensors\"" + only),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"x/../../outside.safetensors\"}}",
            "weight_map names the file \"x/../../outside.safetensors\"" + only),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"..\\\\outside.safetensors\"}}",
            "weight_map names the file \"..\\outside.safetensors\"" + only),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"/etc/passwd\"}}",
            "weight_map names the file \"/etc/passwd\"" + only),
        Arguments.of("{\"weight_map\": {\"a\": \"\"}}", "weight_map names the file \"\"" + only),
        Arguments.of("{\"weight_map\": {\"a\": \".\"}}", "is not a regular file"),
        Arguments.of("{\"weight_map\": {\"a\": \"x\\u0000y\"}}", "which is no path"),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"three.safetensors\"}}",
            "weight_map names the file \"three.safetensors\", which is not in its folder"),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"one.safetensors\", \"c\": \"two.safetensors\"}}",
            "weight_map puts tensor \"c\" in two.safetensors, which does not hold it"),
        Arguments.of(
            "{\"weight_map\": {\"a\": \"two.safetensors\", \"b\": \"one.safetensors\"}}",
            "weight_map puts tensor \"b\" in one.safetensors, which does not hold it"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("mistakes")
  void aBrokenIndexIsRefusedInOneLine(String json, String line) throws IOException {
    index(json);
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .isInstanceOf(InputException.class)
        .message()
        .startsWith(folder.toString())
        .contains(line)
        .doesNotContain("\n");
  }

  @Test
  void aTensorInTwoShardsIsRefused() throws IOException {
    shard(folder.resolve("two.safetensors"), "a", 2);
    index("{\"weight_map\": {\"a\": \"one.safetensors\", \"c\": \"two.safetensors\"}}");
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .isInstanceOf(InputException.class)
        .hasMessage(
            folder.resolve("two.safetensors")
                + ": tensor \"a\" is in one.safetensors too; a name may stand in one file only");
  }

  @Test
  void aLinkThatLeadsOutIsRefused() throws IOException {
    Path link = folder.resolve("link.safetensors");
    Files.createSymbolicLink(link, root.resolve("outside.safetensors"));
    index("{\"weight_map\": {\"b\": \"link.safetensors\"}}");
    assertThatThrownBy(() -> SafeTensors.open(folder))
        .isInstanceOf(InputException.class)
        .message()
        .contains("\"link.safetensors\", a link to ", "only files in the index's folder");
  }
}
