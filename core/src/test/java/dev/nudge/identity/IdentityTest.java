package dev.nudge.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.quant.Nf4Format;
import dev.nudge.quant.WeightFormat;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdentityTest {
  private static final WeightFormat NF4 = new Nf4Format(true);

  @TempDir private Path temp;

  private Path cache() {
    return temp.resolve("cache");
  }

  private static void file(Path file, Map<String, byte[]> tensors) throws IOException {
    Files.createDirectories(file.getParent());
    List<Entry> entries =
        tensors.entrySet().stream()
            .map(t -> Entry.of(t.getKey(), Dtype.U8, t.getValue().length, 1))
            .toList();
    try (SafeTensorsWriter to = SafeTensorsWriter.create(file, Map.of("format", "pt"), entries)) {
      tensors.forEach((name, bytes) -> to.write(name, MemorySegment.ofArray(bytes)));
    }
  }

  private Path model(String name, String a, String b) throws IOException {
    Path folder = temp.resolve(name);
    file(
        folder.resolve("model.safetensors"),
        Map.of("a", a.getBytes(StandardCharsets.UTF_8), "b", b.getBytes(StandardCharsets.UTF_8)));
    Files.writeString(folder.resolve("tokenizer.json"), "{}");
    return folder;
  }

  private static String sha(String text) throws Exception {
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(digest);
  }

  @Test
  void theDigestIsThatOfNamesTypesShapesAndBytes() throws Exception {
    Path whole = model("whole", "one", "three");
    String lines = "a U8 3,1 " + sha("one") + "\nb U8 5,1 " + sha("three") + "\n";
    assertThat(BaseDigest.of(whole, cache())).isEqualTo("sha256:" + sha(lines));
    try (BaseDigest later = BaseDigest.later(whole, temp.resolve("another cache"))) {
      assertThat(later.get()).isEqualTo("sha256:" + sha(lines));
    }
  }

  @Test
  void shardsChangeNothingAndABitChangesIt() throws Exception {
    String whole = BaseDigest.of(model("whole", "one", "three"), cache());
    Path sharded = temp.resolve("sharded");
    file(sharded.resolve("x.safetensors"), Map.of("b", "three".getBytes(StandardCharsets.UTF_8)));
    file(sharded.resolve("y.safetensors"), Map.of("a", "one".getBytes(StandardCharsets.UTF_8)));
    Files.writeString(
        sharded.resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"a\": \"y.safetensors\", \"b\": \"x.safetensors\"}}");
    assertThat(BaseDigest.of(sharded, cache())).isEqualTo(whole);
    assertThat(BaseDigest.of(model("other", "onf", "three"), cache())).isNotEqualTo(whole);
    assertThat(BaseDigest.of(model("swapped", "three", "one"), cache())).isNotEqualTo(whole);
  }

  @Test
  void itIsComputedOnceForAPathASizeAndATimeOfChange() throws IOException {
    Path folder = model("model", "one", "three");
    Path file = folder.resolve("model.safetensors");
    FileTime time = FileTime.fromMillis(1_700_000_000_000L);
    Files.setLastModifiedTime(file, time);
    String digest = BaseDigest.of(folder, cache());
    model("model", "two", "three");
    Files.setLastModifiedTime(file, time);
    assertThat(BaseDigest.of(folder, cache())).isEqualTo(digest); // not read again
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_700_000_000_001L));
    String changed = BaseDigest.of(folder, cache());
    assertThat(changed).isNotEqualTo(digest);
    try (Stream<Path> kept = Files.list(cache().resolve("digests"))) {
      Path only = kept.reduce((a, b) -> a.resolve("more than one: " + b)).orElseThrow();
      Files.writeString(only, "{");
    }
    assertThat(BaseDigest.of(folder, cache())).isEqualTo(changed);
    Files.writeString(temp.resolve("no folder"), "");
    assertThat(BaseDigest.of(folder, temp.resolve("no folder"))).isEqualTo(changed);
  }

  private Identity.Model used(Path folder, @Nullable WeightFormat format) {
    return new Identity.Model(folder, format, () -> BaseDigest.of(folder, cache()));
  }

  private Path adapter(Path model, @Nullable WeightFormat format) throws IOException {
    Path adapter = Files.createDirectories(temp.resolve("adapter"));
    Identity.of(used(model, format), Map.of("rows", 3)).write(adapter);
    return adapter;
  }

  private @Nullable Identity check(
      Path adapter, Path model, @Nullable WeightFormat format, boolean any, List<String> warnings) {
    return Identity.check(adapter, used(model, format), any, warnings::add);
  }

  @Test
  void itsBaseIsTakenWithoutAWordAndAnotherOneRefused() throws IOException {
    Path model = model("model", "one", "three");
    Path adapter = adapter(model, null);
    List<String> warnings = new ArrayList<>();
    Identity identity = check(adapter, model, null, false, warnings);
    assertThat(identity).isNotNull();
    assertThat(warnings).isEmpty();
    Path other = model("other", "onf", "three");
    assertThatThrownBy(() -> check(adapter, other, null, false, warnings))
        .isInstanceOf(InputException.class)
        .hasMessageMatching(
            "adapter \\S+ was trained on another base: its weights have the digest"
                + " sha256:[0-9a-f]{12}, those of \\S+ have sha256:[0-9a-f]{12}; give --model its"
                + " base, or --any-base");
    assertThat(check(adapter, other, null, true, warnings)).isNotNull();
    assertThat(warnings).isEmpty();
  }

  @Test
  void whatDiffersBesideTheBaseIsWarnedOf() throws IOException {
    Path model = model("model", "one", "three");
    Path adapter = adapter(model, NF4);
    Files.writeString(model.resolve("tokenizer.json"), "{ }");
    Files.writeString(model.resolve("tokenizer_config.json"), "{\"chat_template\": \"x\"}");
    List<String> warnings = new ArrayList<>();
    check(adapter, model, null, false, warnings);
    assertThat(warnings)
        .containsExactly(
            "adapter "
                + adapter
                + " was trained on weights in nf4 with double quantisation; this model has dense weights; --quantize nf4 gives what it was"
                + " trained on",
            "adapter " + adapter + " was trained with another tokenizer.json than that of " + model,
            "adapter " + adapter + " was trained with another chat template than that of " + model);
  }

  @Test
  void anAdapterIsTakenOnWhatItsBaseWasQuantisedFrom() throws IOException {
    Path dense = model("dense", "one", "three");
    Path stored = model("stored", "o", "t");
    Files.writeString(
        stored.resolve(Identity.FILE),
        "{\"" + Identity.SOURCE_DIGEST + "\": \"" + BaseDigest.of(dense, cache()) + "\"}");
    List<String> warnings = new ArrayList<>();
    for (Path trained : List.of(dense, stored)) {
      Path adapter = adapter(trained, NF4);
      for (Path model : List.of(dense, stored)) {
        check(adapter, model, NF4, false, warnings);
      }
    }
    assertThat(warnings).isEmpty();
    Path other = model("other", "onf", "three");
    assertThatThrownBy(() -> check(adapter(stored, NF4), other, NF4, false, warnings))
        .hasMessageContaining("another base");
  }

  @Test
  void anAdapterOfARunThatHasNotFinishedIsToldOf() throws IOException {
    Path run = Files.writeString(temp.resolve("run.json"), "{\"state\":\"finished\"}");
    List<String> told = new ArrayList<>();
    UnfinishedRun.warn("half", temp, told::add);
    assertThat(told).isEmpty();
    Files.writeString(run, "{\"state\":\"running\",\"saved_step\":25,\"planned_steps\":50}");
    UnfinishedRun.warn("half", temp, told::add);
    assertThat(told)
        .containsExactly(
            "adapter half is of a run that is running, not finished: saved after step 25 of 50");
  }

  @Test
  void anAdapterWithoutTheFileIsTakenWithAWarning() throws IOException {
    Path model = model("model", "one", "three");
    Path adapter = Files.createDirectories(temp.resolve("peft"));
    List<String> warnings = new ArrayList<>();
    assertThat(check(adapter, model, null, false, warnings)).isNull();
    assertThat(warnings)
        .containsExactly(
            "adapter "
                + adapter
                + " has no nudge.json: whether "
                + model
                + " is its base is not known");
    assertThat(cache()).doesNotExist(); // nothing was computed for it
  }

  @Test
  void aFileThatCannotBeUnderstoodIsRefused() throws IOException {
    Path model = model("model", "one", "three");
    Path adapter = adapter(model, null);
    Path file = adapter.resolve(Identity.FILE);
    Map<String, String> cases =
        Map.of(
            "{",
            " cannot be read, so the adapter's base is not known; give --any-base",
            "{}",
            ": version is missing, this nudge reads 1; update nudge, or give --any-base",
            "{\"version\": 2}",
            ": version is 2, this nudge reads 1; update nudge, or give --any-base");
    for (Map.Entry<String, String> wrong : cases.entrySet()) {
      Files.writeString(file, wrong.getKey());
      assertThatThrownBy(() -> check(adapter, model, null, false, new ArrayList<>()))
          .isInstanceOf(InputException.class)
          .hasMessage(file + wrong.getValue());
      assertThat(check(adapter, model, null, true, new ArrayList<>())).isNull();
    }
  }
}
