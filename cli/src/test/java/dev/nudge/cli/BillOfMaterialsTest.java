package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Hold the bill of materials, `target/nudge-cli-bom.json`, to what ships: every jar of the
/// run-time class path by its bytes, no other.
class BillOfMaterialsTest {
  private static final Path BILL = Path.of("target/nudge-cli-bom.json");

  private static JsonNode bill() throws IOException {
    assumeTrue(Files.exists(BILL), "a build with mvn -o makes none: its plugin wants to be online");
    return new JsonMapper().readTree(Files.readString(BILL));
  }

  @Test
  void everyJarThatShipsIsListedWithItsDigestAndNoOther() throws Exception {
    Map<String, String> listed = new TreeMap<>();
    for (JsonNode part : bill().path("components")) {
      if (!part.path("group").asString("").equals("dev.nudge")) {
        listed.put(name(part), sha256(part));
      }
    }
    Map<String, String> jars = new TreeMap<>();
    for (Path jar : jars()) {
      jars.put(jar.getFileName().toString(), sha256(jar));
    }
    assertThat(jars).as("jars on the class path of the command").isNotEmpty();
    assertThat(listed).isEqualTo(jars);
  }

  @Test
  void itNamesTheCommandItsModulesAndALicenceOfEach() throws IOException {
    JsonNode bill = bill();
    assertThat(bill.path("bomFormat").asString()).isEqualTo("CycloneDX");
    assertThat(bill.path("metadata").path("component").path("name").asString())
        .isEqualTo("nudge-cli");
    assertThat(bill.path("components").valueStream().map(BillOfMaterialsTest::name))
        .anyMatch(name -> name.startsWith("nudge-demo-"));
    assertThat(bill.path("components"))
        .allSatisfy(
            part ->
                assertThat(part.path("licenses")).as("licences of %s", name(part)).isNotEmpty());
  }

  /// A build makes the same bytes again: nothing in it is of this hour or drawn.
  @Test
  void nothingInItIsOfThisBuild() throws IOException {
    JsonNode bill = bill();
    assertThat(bill.has("serialNumber")).isFalse();
    assertThat(bill.path("metadata").has("timestamp")).isFalse();
    assertThat(Files.readString(BILL)).doesNotContain(Path.of("").toAbsolutePath().toString());
  }

  /// The file name of a part: `pkg:maven/GROUP/NAME@VERSION?classifier=C&type=jar`.
  private static String name(JsonNode part) {
    String url = URLDecoder.decode(part.path("purl").asString(), UTF_8);
    var classifier = Pattern.compile("[?&]classifier=([^&]+)").matcher(url);
    return part.path("name").asString()
        + "-"
        + part.path("version").asString()
        + (classifier.find() ? "-" + classifier.group(1) : "")
        + ".jar";
  }

  private static String sha256(JsonNode part) {
    return part.path("hashes")
        .valueStream()
        .filter(hash -> hash.path("alg").asString().equals("SHA-256"))
        .map(hash -> hash.path("content").asString())
        .findFirst()
        .orElse("none");
  }

  private static String sha256(Path jar) throws IOException, NoSuchAlgorithmException {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar)));
  }

  /// The class path of the run-time scope; modules of this build are folders or jars in `target`.
  private static List<Path> jars() throws IOException {
    String path = Files.readString(Path.of("target/runtime-classpath.txt")).strip();
    return Stream.of(path.split(Pattern.quote(File.pathSeparator)))
        .map(jar -> jar.replace(File.separatorChar, '/'))
        .filter(
            jar ->
                jar.endsWith(".jar") && !jar.matches(".*/(core|hub|eval|demo|server|target)/[^/]*"))
        .filter(jar -> !jar.contains("/dev/nudge/"))
        .map(Path::of)
        .toList();
  }
}
