package dev.nudge.registry;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.ChildJvm;
import dev.nudge.format.Json;
import dev.nudge.format.TarFile;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Moves versions to and from folders, archives and registries, Debian's `docker-registry` among
/// them where it is installed.
class TransportTest {
  private static final Note NOTE = Note.by("tester", "test");

  @TempDir Path temp;
  private Registry registry;
  private Registry elsewhere;
  private Version version;

  @BeforeEach
  void push() throws IOException {
    registry = Registry.open(temp.resolve("registry"));
    elsewhere = Registry.open(temp.resolve("elsewhere"));
    Path adapter = MadeAdapters.trained(temp.resolve("adapter"), 1);
    Files.writeString(adapter.resolve("README.md"), "# What it is for\n");
    version = registry.push("support", adapter, "MIT", NOTE).version();
    Path report = Files.writeString(temp.resolve("results.json"), "{\"accuracy\": 0.9}");
    registry.report(Reference.parse("support:1"), report, NOTE);
  }

  private Registry.Published publish(String target, @Nullable String tag) {
    return registry.publish(Reference.parse("support:1"), Address.parse(target, false), tag, null);
  }

  private Registry.Pushed pull(String source, @Nullable String tag) {
    return elsewhere.pull("copied", Address.parse(source, false), tag, null, NOTE);
  }

  /// What came is what went, to the byte.
  private void same(Registry.Pushed pulled) throws IOException {
    Version copy = pulled.version();
    assertThat(copy.digest()).isEqualTo(version.digest());
    assertThat(copy.rank()).isEqualTo(version.rank());
    assertThat(copy.base()).isEqualTo(version.base());
    assertThat(copy.bytes()).isEqualTo(version.bytes());
    try (Stream<Path> files = Files.list(version.folder())) {
      List<Path> all = files.toList();
      assertThat(all).hasSize(5);
      for (Path file : all) {
        assertThat(copy.folder().resolve(file.getFileName())).hasSameBinaryContentAs(file);
      }
    }
    assertThat(elsewhere.resolve(Reference.parse("copied:1"))).isEqualTo(copy);
    elsewhere.collect();
    assertThat(elsewhere.resolve(Reference.parse("copied:1"))).isEqualTo(copy);
  }

  @Test
  void aFolderGivesBackWhatItWasGiven() throws IOException {
    Path folder = temp.resolve("layout");
    Registry.Published given = publish(folder.toString(), "first");
    assertThat(given.digest()).isEqualTo(version.digest());
    assertThat(given.bytes()).isGreaterThan(version.bytes());
    assertThat(publish(folder.toString(), "second").bytes()).isZero();
    same(pull(folder.toString(), null));
    assertThat(pull(folder.toString(), "second").fresh()).isFalse();
    JsonNode index = Json.read(folder.resolve("index.json"));
    assertThat(index.path("manifests").valueStream().map(m -> m.path("digest").asString()))
        .contains(requireNonNull(registry.layout().manifest(version.digest()).subject()).digest())
        .hasSize(4); // the base, two tags, the report
    assertThatThrownBy(() -> pull(folder.toString(), "third"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no model of the tag 'third'; give --tag one of first, second");
  }

  @Test
  void aFolderWithSeveralModelsWantsATag() {
    Path folder = temp.resolve("layout");
    publish(folder.toString(), "one");
    registry.push("support", MadeAdapters.of(temp.resolve("other"), 2), NOTE);
    registry.publish(
        Reference.parse("support:2"), Address.parse(folder.toString(), false), "two", null);
    assertThatThrownBy(() -> pull(folder.toString(), null))
        .hasMessageContaining("holds 2 models; give --tag one of one, two");
    assertThat(pull(folder.toString(), "one").version().digest()).isEqualTo(version.digest());
  }

  @Test
  void aRegistryIsALayoutThatAnotherOnePullsFrom() throws IOException {
    same(pull(registry.folder().toString(), "support:1"));
    assertThatThrownBy(() -> publish(registry.folder().toString(), "x"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is a registry of nudge");
  }

  @Test
  void anArchiveGivesBackWhatItWasGivenAndIsTheSameBytesAgain() throws IOException {
    Path tar = temp.resolve("support.tar");
    publish(tar.toString(), "1");
    same(pull(tar.toString(), null));
    publish(temp.resolve("again.tar").toString(), "1");
    assertThat(temp.resolve("again.tar")).hasSameBinaryContentAs(tar);
    assertThatThrownBy(() -> publish(tar.toString(), "1"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("exists; give another name");
    assertThat(temp.resolve("support.tar.tmp")).doesNotExist();
  }

  @Test
  void tarReadsOurArchivesAndWeReadIts() throws IOException {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/tar")), "needs tar");
    Path tar = temp.resolve("support.tar");
    publish(tar.toString(), "1");
    Path out = Files.createDirectories(temp.resolve("out"));
    ChildJvm read = ChildJvm.run(List.of("tar", "-xf", tar.toString(), "-C", out.toString()));
    assertThat(read.exitCode()).as(read.text()).isZero();
    same(pull(out.toString(), "1"));
    for (String format : List.of("ustar", "gnu", "pax")) {
      Path theirs = temp.resolve(format + ".tar");
      List<String> command =
          List.of("tar", "--format=" + format, "-cf", theirs.toString(), "-C", out.toString(), ".");
      assertThat(ChildJvm.run(command).exitCode()).isZero();
      assertThat(pull(theirs.toString(), "1").fresh()).isFalse();
    }
  }

  @Test
  void aCutOrForeignArchiveIsRefused() throws IOException {
    Path tar = temp.resolve("support.tar");
    publish(tar.toString(), "1");
    byte[] bytes = Files.readAllBytes(tar);
    for (int length : new int[] {bytes.length - 1024, 3000, 700, 511}) {
      Path cut = temp.resolve("cut.tar");
      Files.write(cut, java.util.Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> pull(cut.toString(), null))
          .as("%d bytes", length)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("cut.tar");
    }
    Path text = Files.writeString(temp.resolve("text.tar"), "no archive".repeat(200));
    assertThatThrownBy(() -> TarFile.open(text)).hasMessageContaining("is no tar archive");
  }

  @Test
  void whatIsDamagedOnTheWayIsNotTaken() throws IOException {
    Path folder = temp.resolve("layout");
    publish(folder.toString(), "1");
    String weights =
        requireNonNull(
                registry
                    .layout()
                    .manifest(version.digest())
                    .files("")
                    .get("adapter_model.safetensors"))
            .digest();
    Path blob = new OciLayout(folder).blobs().path(weights);
    byte[] bytes = Files.readAllBytes(blob);
    bytes[100] ^= 1;
    Files.delete(blob);
    Files.write(blob, bytes);
    assertThatThrownBy(() -> pull(folder.toString(), null))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("which is not the expected blob");
    assertThat(elsewhere.list()).isEmpty();
    assertThat(elsewhere.layout().blobs().has(weights)).isFalse();
  }

  @Test
  void aManifestThatNamesOtherPathsIsRefused() throws IOException {
    Path folder = temp.resolve("layout");
    publish(folder.toString(), "1");
    OciLayout layout = new OciLayout(folder);
    String text = new String(layout.blobs().read(version.digest()), StandardCharsets.UTF_8);
    for (String name :
        List.of(
            "../../x",
            "a/../../b",
            "a//b",
            "a/.b",
            "a/b/",
            "a/b/c/d/e",
            "/etc/passwd",
            ".hidden",
            "adapter_config.json",
            "adapter_config.json/x")) {
      String evil = text.replace("\"lineage.json\"", "\"" + name + "\"");
      var blob = layout.blobs().put(evil.getBytes(StandardCharsets.UTF_8));
      layout.index(
          List.of(Descriptor.of(MediaTypes.MANIFEST, blob).with(MediaTypes.REF_NAME, "evil")));
      assertThatThrownBy(() -> pull(folder.toString(), "evil"))
          .as(name)
          .isInstanceOf(InputException.class)
          .message()
          .containsAnyOf("a plain name that comes once is needed", "a name is a file or a folder");
    }
    assertThat(elsewhere.list()).isEmpty();
  }

  @Test
  void addressesThatAreNoneAreRefused() {
    for (String text : List.of("oci://", "oci://host", "oci://host/UPPER", "oci://host/a:b:c")) {
      assertThatThrownBy(() -> Address.parse(text, false))
          .as(text)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("names no repository");
    }
    assertThatThrownBy(() -> Address.parse("https://host/x", false))
        .hasMessageContaining("is a URL");
    for (String text : List.of("oci:host/x", "OCI://host/x", "oci:/host/x")) {
      assertThatThrownBy(() -> Address.parse(text, false))
          .as(text)
          .hasMessageContaining("must begin with oci:// for a registry");
    }
    assertThat(Address.parse("oci://ghcr.io/me/support:v1", false))
        .isEqualTo(new Address.Remote("ghcr.io", "me/support", "v1", false));
    assertThat(Address.parse("oci://localhost:5000/a", false))
        .isEqualTo(new Address.Remote("localhost:5000", "a", "", true));
    assertThatThrownBy(() -> pull(temp.resolve("none").toString(), null))
        .hasMessageContaining("does not exist");
    assertThatThrownBy(() -> pull(temp.resolve("none.tar").toString(), null))
        .hasMessageContaining("does not exist");
    assertThatThrownBy(() -> pull(temp.resolve("adapter").toString(), null))
        .hasMessageContaining("is an adapter's folder; nudge adapters push takes it");
  }

  @Test
  void dockersRegistryGivesBackWhatItWasGiven() throws Exception {
    Path program = Path.of("/usr/bin/docker-registry");
    assumeTrue(Files.isExecutable(program), "needs docker-registry");
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    Path config =
        Files.writeString(
            temp.resolve("config.yml"),
            """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: %s}}
            http: {addr: "127.0.0.1:%d"}
            """
                .formatted(temp.resolve("docker"), port));
    Process server =
        new ProcessBuilder(program.toString(), "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(temp.resolve("docker.log").toFile())
            .start();
    try (HttpClient client = HttpClient.newHttpClient()) {
      await(client, port);
      String place = "oci://127.0.0.1:" + port + "/team/support";
      Registry.Published given = publish(place, null);
      assertThat(given.tag()).isEqualTo("1");
      assertThat(given.bytes()).isGreaterThan(version.bytes());
      assertThat(publish(place + ":stable", null).bytes()).isZero(); // all is there
      same(pull(place + ":stable", null));
      assertThat(pull(place, "1").fresh()).isFalse();
      assertThat(pull(place + "@" + version.digest(), null).fresh()).isFalse();
      assertThatThrownBy(() -> pull(place + ":none", null))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("has no 'none'; give its tag");
      String root = "http://127.0.0.1:" + port + "/v2/team/support/manifests/";
      // those who refer to the base and to the version, as OCI 1.1 has it for old registries
      Descriptor base = requireNonNull(registry.layout().manifest(version.digest()).subject());
      assertThat(referrers(client, root, base.digest())).containsExactly(version.digest());
      assertThat(referrers(client, root, version.digest()))
          .containsExactly(
              registry.find(Reference.parse("support:1")).reports().getFirst().manifest());
    } finally {
      server.destroy();
      server.waitFor();
    }
    assertThatThrownBy(() -> pull("oci://127.0.0.1:" + port + "/team/support:1", null))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("127.0.0.1:" + port + " cannot be reached");
  }

  private static void await(HttpClient client, int port) throws Exception {
    HttpRequest ping =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v2/")).build();
    for (int i = 0; i < 200; i++) {
      try {
        client.send(ping, HttpResponse.BodyHandlers.discarding());
        return;
      } catch (IOException e) {
        Thread.sleep(50);
      }
    }
    throw new AssertionError("docker-registry does not answer");
  }

  private static List<String> referrers(HttpClient client, String root, String digest)
      throws Exception {
    HttpRequest get =
        HttpRequest.newBuilder(URI.create(root + digest.replace(':', '-')))
            .header("Accept", MediaTypes.INDEX)
            .build();
    String index = client.send(get, HttpResponse.BodyHandlers.ofString()).body();
    return Json.parse(index)
        .path("manifests")
        .valueStream()
        .map(m -> m.path("digest").asString())
        .toList();
  }
}
