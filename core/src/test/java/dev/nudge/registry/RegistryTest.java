package dev.nudge.registry;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class RegistryTest {
  @TempDir Path temp;
  private Registry registry;
  private final List<Path> adapters = new ArrayList<>();

  @BeforeEach
  void open() {
    registry = Registry.open(temp.resolve("registry"));
    for (int i = 0; i < 4; i++) {
      adapters.add(MadeAdapters.known(temp.resolve("adapter" + i), i));
    }
  }

  private Version push(int number) {
    return registry.push("support", adapters.get(number), note("pushed " + number)).version();
  }

  private static Note note(String why) {
    return Note.by("tester", why);
  }

  private Version resolve(String reference) {
    return registry.resolve(Reference.parse(reference));
  }

  private Registry.Move move(String alias, Version to) {
    return registry.alias("support", alias, to, Alias.Expected.ANY, note("moved"));
  }

  private static void refused(Reason reason, String words, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(words)
        .extracting(e -> ((RegistryException) e).reason())
        .isEqualTo(reason);
  }

  @Test
  void aVersionIsFoundByNumberDigestAndAlias() throws IOException {
    Version first = push(0);
    Version second = push(1);
    assertThat(List.of(first.number(), second.number())).containsExactly(1, 2);
    move("champion", second);
    for (String reference :
        List.of(
            "support:2",
            "support@champion",
            "support@" + second.digest(),
            "registry:support@champion")) {
      assertThat(resolve(reference).digest()).as(reference).isEqualTo(second.digest());
    }
    Path folder = resolve("support:1").folder();
    try (PeftAdapter adapter = PeftAdapter.open(folder)) {
      assertThat(adapter.spec().rank()).isEqualTo(2);
    }
    for (String name : List.of("adapter_model.safetensors", "adapter_config.json", "nudge.json")) {
      assertThat(folder.resolve(name)).hasSameBinaryContentAs(adapters.getFirst().resolve(name));
    }
    assertThat(Registry.open(registry.folder()).resolve(Reference.parse("support:1")))
        .isEqualTo(resolve("support:1")); // another process sees the same
  }

  @Test
  void theFirstDigitsOfADigestNameAVersionUntilTheyAreThoseOfAnother() {
    Version first = push(0);
    String digits = first.digest().substring(0, Sha256.PREFIX.length() + 12);
    assertThat(resolve("support@" + digits)).isEqualTo(resolve("support:1"));
    String short8 = digits.substring(0, Sha256.PREFIX.length() + 8);
    assertThat(resolve("support@" + short8)).isEqualTo(resolve("support:1"));
    String near = short8 + (digits.endsWith("0") ? "1" : "0").repeat(56);
    Journal journal = new Journal(registry.folder());
    journal.read();
    journal.append(new RegistryEvent.Pushed("support", note("near"), 2, near, 1, 1, 1, null));
    refused(
        Reason.UNKNOWN,
        "is the beginning of the digests of support:1, support:2; give more of its digits",
        () -> resolve("support@" + short8));
    assertThat(resolve("support@" + digits)).isEqualTo(resolve("support:1"));
    refused(
        Reason.UNKNOWN,
        "there is no support@sha256:00000000",
        () -> resolve("support@sha256:00000000"));
    assertThatThrownBy(() -> Reference.parse("support@sha256:1234567"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "'support@sha256:1234567' names no version: a digest is sha256: and 64 hex digits, or"
                + " at least the first 8 of them");
  }

  @Test
  void theSameFilesAreTheSameVersionAndHaveTheSameDigestUnderAnyName() {
    Version first = push(0);
    Registry.Pushed again = registry.push("support", adapters.getFirst(), note("again"));
    assertThat(again.fresh()).isFalse();
    assertThat(again.version()).isEqualTo(first);
    Registry.Pushed other = registry.push("other", adapters.getFirst(), note("again"));
    assertThat(other.fresh()).isTrue();
    assertThat(other.version().digest()).isEqualTo(first.digest());
    assertThat(registry.push("other", adapters.getFirst(), "MIT", note("")).fresh()).isTrue();
  }

  @Test
  void whatIsPushedDoesNotChangeWithItsFolder() throws IOException {
    Version first = push(0);
    byte[] before = Files.readAllBytes(first.folder().resolve("adapter_model.safetensors"));
    MadeAdapters.known(adapters.getFirst(), 3);
    assertThat(resolve("support:1").folder().resolve("adapter_model.safetensors"))
        .hasBinaryContent(before);
    assertThat(push(0).number()).isEqualTo(2);
  }

  @Test
  void anAliasMovesOnlyFromWhereItIsBelievedToBe() {
    Version first = push(0);
    Version second = push(1);
    registry.alias("support", "champion", first, Alias.Expected.NONE, note("new"));
    refused(
        Reason.MOVED,
        "support@champion is at version 1, not at no version as expected",
        () -> registry.alias("support", "champion", second, Alias.Expected.NONE, note("late")));
    refused(
        Reason.MOVED,
        "at version 1, not at version 2",
        () ->
            registry.rollback(
                "support", "champion", Alias.Expected.at(second.digest()), note("late")));
    Registry.Move move =
        registry.alias(
            "support", "champion", second, Alias.Expected.at(first.digest()), note("better"));
    assertThat(move.from()).isEqualTo(first.digest());
    assertThat(resolve("support@champion")).isEqualTo(registry.find(Reference.parse("support:2")));
  }

  @Test
  void aRollbackGoesBackStepByStepPastWhatIsGoneOrBlocked() {
    Version first = push(0);
    Version second = push(1);
    Version third = push(2);
    Version fourth = push(3);
    List.of(first, second, third, fourth).forEach(version -> move("champion", version));
    registry.state(Reference.parse("support:3"), VersionState.BLOCKED, note("leaks"));
    assertThat(back()).isEqualTo(second.digest());
    assertThat(back()).isEqualTo(first.digest());
    refused(Reason.NOWHERE_BACK, "was at no other version before", this::back);
    move("champion", fourth);
    assertThat(back()).isEqualTo(first.digest()); // where it was, not where it had been
  }

  private String back() {
    registry.rollback("support", "champion", Alias.Expected.ANY, note("worse"));
    return resolve("support@champion").digest();
  }

  @Test
  void theHistorySaysWhoWhenFromToAndWhy() {
    Version first = push(0);
    Version second = push(1);
    move("champion", first);
    registry.alias(
        "support", "champion", second, Alias.Expected.ANY, Note.by("anna", "wins by 3 %"));
    registry.rollback("support", "champion", Alias.Expected.ANY, Note.by("bot", "guardrail"));
    List<RegistryEvent> log = registry.log("support");
    assertThat(log)
        .extracting(RegistryEvent::word)
        .containsExactly("push", "push", "alias", "alias", "rollback");
    RegistryEvent.Moved moved = (RegistryEvent.Moved) log.get(3);
    assertThat(moved.note().by()).isEqualTo("anna");
    assertThat(moved.note().why()).isEqualTo("wins by 3 %");
    assertThat(moved.from()).isEqualTo(first.digest());
    assertThat(moved.to()).isEqualTo(second.digest());
    assertThat(moved.note().at()).isBetween(first.pushed().at(), java.time.Instant.now());
    assertThat(((RegistryEvent.Moved) log.get(4)).to()).isEqualTo(first.digest());
    assertThat(registry.log("nobody")).isEmpty();
  }

  @Test
  void statesFollowAliasesAndWhatPeopleSay() {
    push(0);
    push(1);
    Reference one = Reference.parse("support:1");
    assertThat(registry.find(one).state()).isEqualTo(VersionState.REGISTERED);
    assertThat(registry.state(one, VersionState.VALIDATED, note("good")).state())
        .isEqualTo(VersionState.VALIDATED);
    move("champion", registry.find(one));
    move("canary", registry.find(one));
    assertThat(registry.find(one).state()).isEqualTo(VersionState.DEPLOYED);
    move("champion", registry.find(Reference.parse("support:2")));
    assertThat(registry.find(one).state()).isEqualTo(VersionState.DEPLOYED); // canary
    registry.alias("support", "canary", null, Alias.Expected.ANY, note("done"));
    assertThat(registry.find(one).state()).isEqualTo(VersionState.RETIRED);
  }

  @Test
  void onlyWhatAnAliasIsAtIsDeployed() {
    Version first = push(0);
    Reference one = Reference.parse("support:1");
    assertThatThrownBy(() -> registry.state(one, VersionState.DEPLOYED, note("by hand")))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "support:1 has no alias, and only a version with an alias can be deployed; move one"
                + " there, as in nudge adapters alias support@champion 1");
    assertThat(registry.find(one).state()).isEqualTo(VersionState.REGISTERED);
    move("champion", first);
    registry.state(one, VersionState.BLOCKED, note("leaks"));
    assertThat(registry.state(one, VersionState.DEPLOYED, note("it does not")).state())
        .isEqualTo(VersionState.DEPLOYED);
    registry.alias("support", "champion", null, Alias.Expected.ANY, note("done"));
    // a line that an older nudge wrote
    Journal journal = new Journal(registry.folder());
    journal.read();
    journal.append(
        new RegistryEvent.Stated(
            "support", note("old"), 1, VersionState.RETIRED, VersionState.DEPLOYED));
    assertThat(Registry.open(registry.folder()).find(one).state()).isEqualTo(VersionState.RETIRED);
  }

  @Test
  void theBaseHasTheNameThatTheAdapterWasTrainedWith() throws IOException {
    Path config = adapters.get(0).resolve("adapter_config.json");
    ObjectNode keys = (ObjectNode) Json.read(config);
    keys.put("base_model_name_or_path", "/models/SmolLM2-135M-Instruct/");
    Files.writeString(config, Json.line(keys));
    assertThat(registry.bases().name(push(0))).isEqualTo("SmolLM2-135M-Instruct");
    keys.putNull("base_model_name_or_path");
    Files.writeString(config, Json.line(keys));
    assertThat(registry.bases().name(push(0))).isNull();
  }

  @Test
  void aBlockedVersionIsRefusedWithItsReason() {
    Version first = push(0);
    move("champion", first);
    registry.state(Reference.parse("support:1"), VersionState.BLOCKED, note("it leaks names"));
    refused(
        Reason.BLOCKED,
        "support@champion is support:1, which is blocked (it leaks names)",
        () -> resolve("support@champion"));
    refused(Reason.BLOCKED, "support:1 is blocked", () -> resolve("support:1"));
    refused(Reason.BLOCKED, "support:1 is blocked", () -> move("canary", first));
    registry.state(Reference.parse("support:1"), VersionState.REGISTERED, note("mended"));
    assertThat(resolve("support@champion").number()).isEqualTo(1);
  }

  @Test
  void onlyWhatNothingReferencesGoesAndItsBytesWithACollection() {
    Version first = push(0);
    Version second = push(1);
    Version third = push(2);
    move("champion", first);
    move("champion", second);
    for (String stays : List.of("support:1", "support:2")) {
      refused(Reason.REFERENCED, stays + " stays", () -> remove("support:3", stays));
    }
    assertThat(registry.find(Reference.parse("support:3"))).isNotNull();
    remove("support:3");
    refused(Reason.UNKNOWN, "there is no support:3", () -> resolve("support:3"));
    assertThat(third.folder()).isDirectory();
    Registry.Collected collected = registry.collect();
    assertThat(collected.folders()).isEqualTo(1);
    assertThat(collected.blobs()).isEqualTo(3); // weights, ModelPack's config, manifest
    assertThat(collected.bytes()).isGreaterThan(100);
    assertThat(third.folder()).doesNotExist();
    assertThat(registry.collect()).isEqualTo(new Registry.Collected(0, 0, 0));
    assertThat(resolve("support:2").folder()).isDirectory();
    assertThat(push(3).number()).isEqualTo(4); // a number is never given again
  }

  private void remove(String... references) {
    registry.remove(Stream.of(references).map(Reference::parse).toList(), note("old"));
  }

  @Test
  void theManifestIsCanonicalAndNamesItsBase() throws IOException {
    Path adapter = MadeAdapters.trained(temp.resolve("trained"), 1);
    Version version = registry.push("support", adapter, "Apache-2.0", note("")).version();
    byte[] bytes = registry.layout().blobs().read(version.digest());
    JsonNode manifest = Json.parse(new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
    assertThat(Sha256.of(bytes)).isEqualTo(version.digest());
    assertThat(manifest.path("artifactType").asString())
        .isEqualTo("application/vnd.cncf.model.manifest.v1+json");
    assertThat(manifest.at("/config/mediaType").asString())
        .isEqualTo("application/vnd.cncf.model.config.v1+json");
    assertThat(manifest.path("layers").valueStream())
        .extracting(
            layer ->
                layer.at("/annotations/org.cncf.model.filepath").asString()
                    + " "
                    + layer.path("mediaType").asString().replace("application/vnd.cncf.model.", ""))
        .containsExactly(
            "adapter_config.json weight.config.v1.raw",
            "adapter_model.safetensors weight.v1.raw",
            "nudge.json weight.config.v1.raw",
            "lineage.json doc.v1.raw");
    Manifest base = registry.layout().manifest(manifest.at("/subject/digest").asString());
    assertThat(base.annotations()).containsEntry("dev.nudge.base", MadeAdapters.BASE);
    Version other = push(0);
    assertThat(requireNonNull(registry.layout().manifest(other.digest()).subject()).digest())
        .isEqualTo(manifest.at("/subject/digest").asString()); // siblings have one subject
  }

  @Test
  void theLineageHasDigestsAndNoPaths() throws IOException {
    Path adapter = MadeAdapters.trained(temp.resolve("trained"), 1);
    Files.writeString(
        temp.resolve("trained.source.json"),
        "{\"query\": \"SELECT * FROM json.`/home/rows`\", \"snapshots\": {\"t\": \"7\"}}");
    Version onOtherRows = registry.push("support", adapter, "Apache-2.0", note("")).version();
    assertThat(Json.read(onOtherRows.folder().resolve("lineage.json")).has("source")).isFalse();
    Path run = adapter.resolve("run.json");
    Files.writeString(
        run, Files.readString(run).replace("/home/me/rows", "/home/me/trained.rows.jsonl"));
    Version version = registry.push("support", adapter, "Apache-2.0", note("")).version();
    JsonNode lineage = Json.read(version.folder().resolve("lineage.json"));
    assertThat(lineage.toString()).doesNotContain("/home").doesNotContain("lanes\":null");
    assertThat(lineage.path("base").get(0).asString()).isEqualTo(MadeAdapters.BASE);
    assertThat(lineage.at("/quantization/method").asString()).isEqualTo("nf4");
    assertThat(lineage.at("/data/data").asString()).isEqualTo(MadeAdapters.BASE);
    assertThat(lineage.at("/settings/rank").asInt()).isEqualTo(2);
    assertThat(lineage.at("/source/query").asString()).startsWith("sha256:");
    assertThat(lineage.at("/source/snapshots/t").asString()).isEqualTo("7");
    assertThat(lineage.path("parent").asString()).isEqualTo(MadeAdapters.BASE);
    assertThat(lineage.path("parent_version").asString()).isEqualTo(MadeAdapters.BASE);
    assertThat(lineage.at("/results/last_loss").asDouble()).isEqualTo(1.5);
    assertThat(lineage.path("licence").asString()).isEqualTo("Apache-2.0");
    assertThat(lineage.at("/run/id").asString()).startsWith("20261101");
    assertThat(version.base()).isEqualTo(MadeAdapters.BASE);
  }

  @Test
  void aReportRefersToItsVersionAndOutlivesACollection() throws IOException {
    Version version = push(0);
    Path report = Files.writeString(temp.resolve("results.json"), "{\"accuracy\": 0.9}");
    Version with = registry.report(Reference.parse("support:1"), report, note("evaluated"));
    assertThat(with.digest()).isEqualTo(version.digest());
    assertThat(with.reports()).extracting(Version.Report::name).containsExactly("results.json");
    String digest = with.reports().getFirst().digest();
    assertThat(digest).isEqualTo(Sha256.of(report));
    assertThat(registry.report(Reference.parse("support:1"), report, note("again")).reports())
        .hasSize(1);
    registry.collect();
    assertThat(registry.layout().blobs().read(digest)).asString().contains("accuracy");
    Manifest manifest = registry.layout().manifest(with.reports().getFirst().manifest());
    assertThat(requireNonNull(manifest.subject()).digest()).isEqualTo(version.digest());
  }

  @Test
  void theIndexHasTagsForOtherToolsAndIsMadeAnew() throws IOException {
    move("champion", push(0));
    Path index = registry.folder().resolve("index.json");
    String text = Files.readString(index);
    assertThat(Json.parse(text).path("manifests").valueStream())
        .extracting(m -> m.at("/annotations/org.opencontainers.image.ref.name").asString(""))
        .containsExactly("support:1", "support@champion", "");
    Files.delete(index);
    assertThat(resolve("support@champion").number()).isEqualTo(1);
    registry.collect();
    assertThat(index).hasContent(text);
    assertThat(registry.folder().resolve("oci-layout")).content().contains("1.0.0");
  }

  @Test
  void aFolderThatIsLostIsMadeAgainAndADamagedBlobIsRefused() throws IOException {
    Version version = push(0);
    org.assertj.core.util.Files.delete(version.folder().toFile());
    assertThat(resolve("support:1").folder().resolve("adapter_config.json")).exists();
    org.assertj.core.util.Files.delete(version.folder().toFile());
    String digest =
        requireNonNull(Sha256.of(adapters.getFirst().resolve("adapter_model.safetensors")));
    Path blob = registry.layout().blobs().path(digest);
    Files.delete(blob);
    Files.write(
        blob, new byte[(int) Files.size(adapters.getFirst().resolve("adapter_model.safetensors"))]);
    assertThatThrownBy(() -> resolve("support:1"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("push or pull that version again");
    assertThat(push(0).number()).isEqualTo(1);
    assertThat(resolve("support:1").folder().resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(adapters.getFirst().resolve("adapter_model.safetensors"));
  }

  @Test
  void whatIsNoRegistryIsLeftAlone() throws IOException {
    Path other = Files.createDirectories(temp.resolve("other"));
    Files.writeString(other.resolve("mine.txt"), "mine");
    assertThatThrownBy(() -> Registry.open(other))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is no registry: it holds other files");
    assertThat(Registry.open(temp.resolve("none")).list()).isEmpty();
    assertThat(temp.resolve("none")).doesNotExist();
    refused(
        Reason.UNKNOWN,
        "there is no adapter 'support' in the registry",
        () -> Registry.open(temp.resolve("none")).resolve(Reference.parse("support:1")));
  }

  @Test
  void aNewerOrDamagedJournalIsRefusedPolitely() throws IOException {
    push(0);
    Path journal = registry.folder().resolve("journal.jsonl");
    String text = Files.readString(journal);
    Files.writeString(journal, text.replace("{\"nudge_registry\":1}", "{\"nudge_registry\":2}"));
    Registry newer = Registry.open(registry.folder());
    assertThatThrownBy(newer::list).hasMessageContaining("nudge_registry is 2, this nudge reads 1");
    Files.writeString(journal, text + "{\"event\":\"dance\"}\n");
    Registry damaged = Registry.open(registry.folder());
    assertThatThrownBy(damaged::list)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the line at byte " + text.length());
    Files.writeString(journal, text + "{\"event\":\"al"); // a killed process's
    assertThat(Registry.open(registry.folder()).list()).hasSize(1);
    move("champion", registry.find(Reference.parse("support:1")));
    assertThat(Files.readAllLines(journal)).hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "support",
        "support@",
        "support:0",
        "support:x",
        "../x@y",
        "a/b@c",
        "@champion",
        "support:1:2",
        "support@a@b",
        "support@sha256:12",
        "-x@y",
        "a b@c",
        "support@..",
        "registry:support"
      })
  void whatIsNoReferenceIsRefused(String text) {
    assertThat(Reference.isReference(text)).isFalse();
    assertThatThrownBy(() -> Reference.parse(text))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("'" + text + "' names no version");
  }

  @Test
  void whatIsNoAdapterIsNotPushed() throws IOException {
    Path empty = Files.createDirectories(temp.resolve("empty"));
    assertThatThrownBy(() -> registry.push("support", empty, note("")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not an adapter");
    assertThatThrownBy(() -> registry.push("a/b", adapters.getFirst(), note("")))
        .hasMessageContaining("NAME is 'a/b'");
    assertThat(registry.folder()).doesNotExist();
  }
}
