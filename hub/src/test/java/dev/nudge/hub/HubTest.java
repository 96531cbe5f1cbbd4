package dev.nudge.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.ModelSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Fetches from a hub on this machine, whole and with faults.
class HubTest {
  private static final String WEIGHTS = "model.safetensors";

  @TempDir Path cache;
  private final HubServer server = new HubServer();
  private final List<Duration> waits = new ArrayList<>();

  HubTest() {
    server.repositories.put("org/tiny", HubServer.tiny());
  }

  @AfterEach
  void close() {
    server.close();
  }

  private HubSettings settings() {
    return new HubSettings(
        URI.create(server.url()),
        cache,
        "hf_secret",
        false,
        true,
        Duration.ofMinutes(10),
        new Proxies(null, null, List.of(), false));
  }

  private Hub hub() {
    return Hub.of(settings(), waits::add);
  }

  private Path pull(String name) {
    return hub().model(name, HubListener.NONE).place();
  }

  /// Golden: what huggingface_hub 2.4.0 makes of the same repository, by reference/cache.py.
  @Test
  void theCacheIsThatOfPythonsClientFileByFile() throws IOException {
    var golden = Json.read(Path.of("src/test/resources/golden/cache.json"));
    server.commit = golden.path("commit").asString();
    pull("org/tiny");
    pull("org/tiny@refs/pr/1");
    Map<String, Object> here = new TreeMap<>();
    for (Path file : HubCache.files(cache)) {
      String path = cache.relativize(file).toString();
      if (path.startsWith(".locks") || path.equals("CACHEDIR.TAG")) {
        continue;
      }
      here.put(
          path,
          Files.isSymbolicLink(file)
              ? List.of("link", Files.readSymbolicLink(file).toString())
              : path.contains("/trees/")
                  ? List.of("json", Json.plain(Json.read(file)))
                  : List.of("file", HubServer.digest(true, Files.readAllBytes(file))));
    }
    assertThat(Json.tree(here)).isEqualTo(golden.path("cache"));
  }

  @Test
  void aSecondPullFetchesNothingAndOfflineAsksNobody() {
    Path place = pull("org/tiny");
    server.heal();
    assertThat(pull("org/tiny")).isEqualTo(place);
    assertThat(server.seen).extracting(HubServer.Seen::path).allMatch(p -> p.startsWith("/api/"));
    server.heal();
    Hub offline = Hub.of(settings().withOffline());
    assertThat(offline.model("org/tiny", HubListener.NONE).place()).isEqualTo(place);
    assertThat(hub().model("org/tiny@" + HubServer.COMMIT, HubListener.NONE).place())
        .isEqualTo(place);
    assertThat(server.seen).isEmpty();
    assertThatThrownBy(() -> offline.model("org/other", HubListener.NONE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("org/other is not whole in " + cache)
        .hasMessageContaining("offline");
  }

  @Test
  void theTokenGoesToTheHubAndNowhereElse() {
    pull("org/tiny");
    assertThat(server.seen).anyMatch(HubServer.Seen::store);
    for (HubServer.Seen request : server.seen) {
      assertThat(request.token()).isEqualTo(request.store() ? null : "Bearer hf_secret");
    }
    assertThat(settings().toString()).doesNotContain("hf_secret");
  }

  @Test
  void aBrokenConnectionGoesOnWhereItEnded() throws IOException {
    server.fault("/store/", 1, HubServer.cut(1000));
    server.fault("/store/", 1, HubServer.cut(500));
    server.fault("config.json", 1, HubServer.cut(5));
    Path place = pull("org/tiny");
    assertThat(Files.readAllBytes(place.resolve(WEIGHTS))).isEqualTo(HubServer.weights());
    assertThat(server.seen)
        .filteredOn(HubServer.Seen::store)
        .extracting(HubServer.Seen::range)
        .containsExactly(null, "bytes=1000-", "bytes=1500-");
    assertThat(waits).hasSize(3).allMatch(wait -> wait.equals(Duration.ofSeconds(1)));
  }

  @Test
  void aLaterRunGoesOnWhereTheFirstGaveUp() throws IOException {
    server.fault("/store/", 1, HubServer.cut(1000));
    server.fault("/store/", 99, HubServer.cut(0));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("org/tiny: " + WEIGHTS + ": ")
        .hasMessageContaining("tried");
    assertThat(waits).extracting(Duration::toSeconds).containsExactly(1L, 2L, 4L, 8L, 8L);
    assertThat(visible()).noneMatch(path -> path.endsWith(WEIGHTS));
    server.heal();
    Path place = pull("org/tiny");
    assertThat(Files.readAllBytes(place.resolve(WEIGHTS))).isEqualTo(HubServer.weights());
    assertThat(server.seen)
        .filteredOn(HubServer.Seen::store)
        .extracting(HubServer.Seen::range)
        .containsExactly("bytes=1000-");
    assertThat(visible()).noneMatch(path -> path.endsWith(".incomplete"));
  }

  /// Wrong bytes, too few, too many, a page instead: never visible, and the next pull is right.
  @Test
  void whatIsNotAsTheHubListsItIsNeverVisible() throws IOException {
    byte[] right = HubServer.weights();
    byte[] flipped = right.clone();
    flipped[7] ^= 1;
    for (byte[] wrong :
        List.of(
            flipped,
            Arrays.copyOf(right, right.length - 3),
            Arrays.copyOf(right, right.length + 3),
            HubServer.utf8("<html>sign in</html>"))) {
      server.heal();
      server.fault("/store/", 99, HubServer.bytes(wrong));
      assertThatThrownBy(() -> pull("org/tiny"))
          .isInstanceOf(RunException.class)
          .hasMessageContaining(WEIGHTS + " is not what the hub lists");
      assertThat(visible()).noneMatch(p -> p.endsWith(WEIGHTS) || p.endsWith(".incomplete"));
      server.heal();
      server.fault("/store/", 1, HubServer.bytes(wrong)); // once is tried again
      assertThat(Files.readAllBytes(pull("org/tiny").resolve(WEIGHTS))).isEqualTo(right);
      hub().remove(hub().find(RepoName.parse("org/tiny")));
    }
  }

  @Test
  void rangesThatWereNotAskedForAreNotBelieved() throws IOException {
    byte[] right = HubServer.weights();
    server.fault("/store/", 1, HubServer.cut(1000));
    server.fault(
        "/store/",
        1,
        (exchange, body) -> {
          exchange.getResponseHeaders().set("Content-Range", "bytes 993-1092/" + body.length);
          exchange.sendResponseHeaders(206, 100);
          exchange.getResponseBody().write(body, 993, 100);
          return true;
        });
    assertThat(Files.readAllBytes(pull("org/tiny").resolve(WEIGHTS))).isEqualTo(right);
    hub().remove(hub().find(RepoName.parse("org/tiny")));
    server.heal();
    server.fault("/store/", 1, HubServer.cut(1000));
    server.fault("/store/", 1, HubServer.status(416));
    assertThat(Files.readAllBytes(pull("org/tiny").resolve(WEIGHTS))).isEqualTo(right);
    assertThat(server.seen)
        .filteredOn(HubServer.Seen::store)
        .extracting(HubServer.Seen::range)
        .containsExactly(null, "bytes=1000-", null);
  }

  @Test
  void aHubThatIsBusyIsAskedAgainWhenItSays() {
    server.fault("tokenizer.json", 1, HubServer.status(429, "Retry-After", "17"));
    server.fault("/tree/", 1, HubServer.status(429, "ratelimit", "\"api\";r=0;t=33"));
    server.fault("/revision/", 2, HubServer.status(503));
    pull("org/tiny");
    assertThat(waits).extracting(Duration::toSeconds).containsExactly(1L, 2L, 33L, 17L);
    server.fault("/revision/", 1, HubServer.status(429, "Retry-After", "9000"));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("asks to wait 9000 seconds");
    server.fault("/revision/", 99, HubServer.status(500));
    assertThat(pull("org/tiny")).exists(); // the commit that is here
    hub().remove(hub().find(RepoName.parse("org/tiny")));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("the hub answered 500; tried 6 times");
  }

  @Test
  void aSilentConnectionIsAFailureAndNotAWait() throws IOException {
    CountDownLatch ended = new CountDownLatch(1);
    server.fault(
        "/store/",
        1,
        (exchange, body) -> {
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body, 0, 4096);
          exchange.getResponseBody().flush();
          try {
            ended.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return true;
        });
    HubSettings hasty =
        new HubSettings(
            URI.create(server.url()),
            cache,
            null,
            false,
            true,
            Duration.ofMillis(300),
            settings().proxies());
    Path place = Hub.of(hasty, waits::add).model("org/tiny", HubListener.NONE).place();
    ended.countDown();
    assertThat(Files.readAllBytes(place.resolve(WEIGHTS))).isEqualTo(HubServer.weights());
    assertThat(waits).isNotEmpty();
  }

  @Test
  void whatIsRefusedIsToldInOneLine() {
    server.fault("/revision/", 1, HubServer.status(401, "X-Error-Code", "GatedRepo"));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "org/tiny is gated, and the token's account has no access yet: ask for it at"
                + " %s/org/tiny",
            server.url());
    assertThatThrownBy(() -> pull("org/tiny@nowhere"))
        .isInstanceOf(InputException.class)
        .hasMessage("org/tiny has no revision 'nowhere'");
    assertThatThrownBy(() -> pull("HuggingFaceTB/SmolLM2-135M-Instruckt"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not at " + server.url())
        .hasMessageEndingWith(
            "; did you mean HuggingFaceTB/SmolLM2-135M-Instruct,"
                + " HuggingFaceTB/SmolLM2-1.7B-Instruct or HuggingFaceTB/SmolLM2-360M-Instruct?");
    server.fault("/revision/", 1, HubServer.status(403));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("refuses the token (403)");
    server.fault("/revision/", 1, HubServer.bytes(HubServer.utf8("<html>")));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("something else than JSON");
    server.fault(
        "/revision/", 99, HubServer.status(302, "Location", "/api/models/org/tiny/revision/main"));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("redirects without end");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../evil.json", "/tmp/evil.json", "a/../../evil.txt", "a\\\\evil.txt", "c:evil.json",
        ".", "a//evil.txt", "", "a/./evil.json", "evil\\u0000.json"
      })
  void aFileNameThatIsNoPlainPathIsRefused(String name) throws IOException {
    server.listing.put(
        "org/tiny",
        "[{\"type\": \"file\", \"path\": \"%s\", \"size\": 1, \"oid\": \"%s\"}]"
            .formatted(name, "0".repeat(40)));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("nothing of it is fetched");
    assertThat(visible()).isEmpty();
  }

  @Test
  void aDigestThatIsNoneIsRefused() {
    server.listing.put(
        "org/tiny",
        "[{\"type\": \"file\", \"path\": \"a.json\", \"size\": 1, \"oid\": \"../../../evil\"}]");
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no digest");
  }

  @Test
  void aModelThatTheDiskCannotHoldIsNotBegun() throws IOException {
    server.listing.put(
        "org/tiny",
        "[{\"type\": \"file\", \"path\": \"model.safetensors\", \"size\": 9000000000000000, \"oid\": \"%s\"}]"
            .formatted("0".repeat(40)));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("org/tiny needs 8381903.17 GiB in " + cache);
    assertThat(server.seen).noneMatch(HubServer.Seen::store);
  }

  @Test
  void whereThereAreNoLinksFilesLieInTheSnapshot() throws IOException {
    HubSettings given = settings();
    HubSettings plain =
        new HubSettings(
            given.endpoint(), cache, null, false, false, given.timeout(), given.proxies());
    HubFiles files = Hub.of(plain, waits::add).model("org/tiny", HubListener.NONE);
    assertThat(files.files()).allMatch(f -> Files.isRegularFile(f) && !Files.isSymbolicLink(f));
    assertThat(HubCache.files(cache.resolve("models--org--tiny/blobs"))).isEmpty();
    server.heal();
    Hub.of(plain, waits::add).model("org/tiny", HubListener.NONE);
    assertThat(server.seen).noneMatch(HubServer.Seen::store);
    Hub hub = Hub.of(plain);
    assertThat(hub.verify(hub.find(RepoName.parse("org/tiny")), HubListener.NONE)).isEmpty();
  }

  @Test
  void verifySeesAChangedByteAndRemoveKeepsWhatAnotherCommitNeeds() throws IOException {
    Hub hub = hub();
    pull("org/tiny");
    server.commit = "d".repeat(40);
    server.put("org/tiny", "config.json", HubServer.utf8("{\"model_type\": \"qwen3\"}"));
    pull("org/tiny");
    assertThat(hub.list())
        .extracting(CachedModel::commit)
        .containsExactly(HubServer.COMMIT, server.commit);
    CachedModel now = hub.find(RepoName.parse("org/tiny"));
    assertThat(now.modelType()).isEqualTo("qwen3");
    assertThat(now.licence()).isEqualTo("apache-2.0");
    assertThat(now.whole()).isTrue();
    assertThat(hub.verify(now, HubListener.NONE)).isEmpty();
    CachedModel before = hub.find(RepoName.parse("org/tiny@" + HubServer.COMMIT));
    assertThat(hub.remove(before)).isGreaterThan(0);
    assertThat(hub.verify(now, HubListener.NONE)).isEmpty();
    byte[] weights = HubServer.weights();
    weights[100] ^= 1;
    Files.write(now.folder().resolve(WEIGHTS), weights);
    assertThat(hub.verify(now, HubListener.NONE))
        .containsExactly("model.safetensors has other bytes than the hub's");
    Files.delete(now.folder().resolve("tokenizer.json"));
    assertThat(hub.verify(now, HubListener.NONE)).anyMatch(line -> line.contains("missing"));
    hub.remove(now);
    assertThat(hub.list()).isEmpty();
    assertThat(cache.resolve("models--org--tiny")).doesNotExist();
  }

  /// Where files cannot be locked another process may write the same part at once.
  @Test
  void withoutLocksARunWritesAPartOfItsOwn() throws IOException {
    Path blobs = Files.createDirectories(cache.resolve("models--org--tiny/blobs"));
    Path others = blobs.resolve(HubServer.digest(true, HubServer.weights()) + ".incomplete");
    Files.writeString(others, "what another process has begun");
    List<String> seen = new ArrayList<>();
    HubListener listener =
        new HubListener() {
          @Override
          public void progress(long done, long all) {
            parts(blobs).forEach(seen::add);
          }
        };
    Hub hub =
        Hub.of(
            settings(),
            waits::add,
            file -> {
              throw new IOException("No locks available");
            });
    server.fault("/store/", 1, HubServer.cut(1000)); // within a run it goes on all the same
    Path place = hub.model("org/tiny", listener).place();
    assertThat(Files.readAllBytes(place.resolve(WEIGHTS))).isEqualTo(HubServer.weights());
    assertThat(seen).anyMatch(name -> !name.equals(others.getFileName().toString()));
    assertThat(others).hasContent("what another process has begun");
    server.fault("/store/", 99, HubServer.status(403));
    hub.remove(hub.find(RepoName.parse("org/tiny")));
    assertThatThrownBy(() -> hub.model("org/tiny", HubListener.NONE));
    assertThat(parts(blobs)).containsExactly(others.getFileName().toString());
  }

  private static List<String> parts(Path blobs) {
    try {
      return HubCache.files(blobs).stream()
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".incomplete"))
          .toList();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aPartThatSomebodyElseCutIsNotBelieved() throws IOException {
    byte[] right = HubServer.weights();
    HubFile file =
        new HubFile(WEIGHTS, right.length, "0".repeat(40), HubServer.digest(true, right), null);
    Path place = cache.resolve("part");
    try (Part part = Part.open(place, file)) {
      part.append(right, right.length);
      Files.write(place, Arrays.copyOf(right, 100));
      assertThat(part.isWhole()).isTrue();
      assertThat(part.isRight()).isFalse();
      assertThat(part.length()).isZero();
    }
  }

  @Test
  void aNameThatFileSystemsCannotHoldIsLeftOut() throws IOException {
    server.put("org/tiny", "images/a:b?.png", HubServer.utf8("x"));
    server.put("org/tiny", "what?.txt", HubServer.utf8("x"));
    assertThat(pull("org/tiny").resolve("config.json")).exists();
    server.put("org/odd", "odd*.safetensors", HubServer.utf8("x"));
    assertThatThrownBy(() -> pull("org/odd"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("'odd*.safetensors', which is no plain path");
  }

  @Test
  void whatAStoreRefusesIsNotToldAsTheHubs() {
    server.fault("/store/", 1, HubServer.status(403));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageMatching(
            "localhost:\\d+ does not take the link that the hub gave for org/tiny \\(403\\); .*")
        .hasMessageNotContaining("token");
  }

  @Test
  void anAddressThatThereCannotBeIsOneLine() {
    server.fault("model.safetensors", 1, HubServer.status(302, "Location", "http://a:99999/x"));
    assertThatThrownBy(() -> pull("org/tiny"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("redirects to an address that is not followed");
    server.fault(
        "/tree/",
        1,
        (exchange, body) -> {
          exchange
              .getResponseHeaders()
              .set("Link", "</api/models/org/paged/tree/x y>; rel=\"next\"");
          HubServer.json(exchange, List.of());
          return true;
        });
    server.put("org/paged", "config.json", HubServer.utf8("{}"));
    assertThatThrownBy(() -> pull("org/paged"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("gives a next page at an address that is not followed");
  }

  @Test
  void twoAtOnceFetchAFileOnce() {
    CompletableFuture<Path> other = CompletableFuture.supplyAsync(() -> pull("org/tiny"));
    assertThat(pull("org/tiny")).isEqualTo(other.join());
    assertThat(server.seen).filteredOn(HubServer.Seen::store).hasSize(1);
  }

  @Test
  void withoutAConnectionTheCommitThatWasSeenLastIsTaken() {
    Path place = pull("org/tiny");
    server.close();
    List<String> warnings = new ArrayList<>();
    HubListener listener =
        new HubListener() {
          @Override
          public void warn(String line) {
            warnings.add(line);
          }
        };
    assertThat(hub().model("org/tiny", listener).place()).isEqualTo(place);
    assertThat(warnings).hasSize(1).first().asString().contains("taken as it is here");
    assertThatThrownBy(() -> pull("org/other"))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("cannot be reached");
  }

  @Test
  void headersAreFetchedByRangeAndWeightsAreHoles() throws IOException {
    byte[] header =
        HubServer.utf8(
            "{\"w\":{\"dtype\":\"F32\",\"shape\":[256,1024],\"data_offsets\":[0,1048576]}}");
    byte[] weights = new byte[8 + header.length + (1 << 20)];
    weights[0] = (byte) header.length;
    System.arraycopy(header, 0, weights, 8, header.length);
    weights[weights.length - 1] = 1;
    server.put("org/tiny", WEIGHTS, weights);
    Path into = Files.createDirectory(cache.resolve("into"));
    Hub.Headers got = hub().headers(RepoName.parse("org/tiny"), into, false, HubListener.NONE);
    byte[] made = Files.readAllBytes(into.resolve(WEIGHTS));
    assertThat(made).hasSize(weights.length);
    assertThat(Arrays.copyOf(made, 8 + header.length))
        .isEqualTo(Arrays.copyOf(weights, 8 + header.length));
    assertThat(made[made.length - 1]).isZero();
    assertThat(into.resolve("config.json")).exists();
    assertThat(into.resolve("tokenizer.json")).doesNotExist();
    assertThat(got.fetched()).isLessThan(100_000);
    assertThat(got.weights()).isEqualTo(weights.length);
    assertThat(got.licence()).isEqualTo("mit");
    assertThat(server.seen)
        .filteredOn(HubServer.Seen::store)
        .extracting(HubServer.Seen::range)
        .containsExactly("bytes=0-65535");
    Path other = Files.createDirectory(cache.resolve("other"));
    server.fault("config.json", 1, HubServer.bytes(HubServer.utf8("{\"model_type\": \"llamb\"}")));
    assertThatThrownBy(
            () -> hub().headers(RepoName.parse("org/tiny"), other, false, HubListener.NONE))
        .isInstanceOf(RunException.class)
        .hasMessage(
            "org/tiny: config.json is not what the hub lists: its bytes have another digest");
  }

  /// Codes stay holes; what says how they are read is fetched, what lies together in one range.
  @Test
  void ofAQuantisedModelTheSmallTensorsComeToo() throws IOException {
    long large = 3L << 20;
    long[] ends = {large, large + 40, large + 56, 2 * large, 2 * large + 32};
    List<String> names =
        List.of("a.weight", "a.weight.quant_state.bitsandbytes__nf4", "a.g_idx", "b", "b.qzeros");
    StringBuilder text = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < ends.length; i++) {
      long begin = i == 0 ? 0 : ends[i - 1];
      text.append(
          ",\"%s\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,%d]}"
              .formatted(names.get(i), ends[i] - begin, begin, ends[i]));
    }
    byte[] header = HubServer.utf8(text + "}");
    byte[] all = new byte[8 + header.length + (int) ends[4]];
    Arrays.fill(all, (byte) 1);
    ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).put(header);
    server.put("org/tiny", WEIGHTS, all);
    Path into = Files.createDirectory(cache.resolve("into"));
    hub().headers(RepoName.parse("org/tiny"), into, false, HubListener.NONE);
    byte[] made = Files.readAllBytes(into.resolve(WEIGHTS));
    assertThat(made).hasSize(all.length);
    for (int i = 0; i < ends.length; i++) {
      int data = 8 + header.length;
      int begin = data + (i == 0 ? 0 : (int) ends[i - 1]);
      byte want = (byte) (names.get(i).contains(".weight.") || i == 2 || i == 4 ? 1 : 0);
      assertThat(Arrays.copyOfRange(made, begin, data + (int) ends[i]))
          .as(names.get(i))
          .containsOnly(want);
    }
    assertThat(server.seen)
        .filteredOn(HubServer.Seen::store)
        .extracting(HubServer.Seen::range)
        .hasSize(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"grouped/gptq-4-act/model", "grouped/ct-groups/model", "bnb/double"})
  void aQuantisedModelOfHeadersIsLookedAt(String golden) throws IOException {
    Path from = Path.of("../core/src/test/resources/golden").resolve(golden);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        server.put("org/q", String.valueOf(file.getFileName()), Files.readAllBytes(file));
      }
    }
    Path into = Files.createDirectory(cache.resolve("into"));
    hub().headers(RepoName.parse("org/q"), into, false, HubListener.NONE);
    ModelConfig config = ModelConfig.load(into);
    Checkpoint.check(into, config);
    assertThat(Quantization.resolve(ModelSettings.of(into), config).format())
        .isEqualTo(Quantization.resolve(ModelSettings.of(from), config).format());
  }

  /// The header is longer than the first piece; the factors of RoPE lie behind a large tensor.
  @Test
  void aGgufFilesHeaderComesByRangeWithTheTensorsOfItsConfig() throws IOException {
    byte[] file = gguf(1_500_000);
    server.put("org/g", "m.gguf", file);
    Path into = Files.createDirectory(cache.resolve("into"));
    Hub.Headers got = hub().headers(RepoName.parse("org/g"), into, true, HubListener.NONE);
    assertThat(got.place()).isEqualTo(into.resolve("m.gguf")).hasSize(file.length);
    assertThat(got.weights()).isEqualTo(file.length);
    assertThat(got.fetched()).isLessThan(2_200_000);
    byte[] made = Files.readAllBytes(got.place());
    assertThat(Arrays.copyOf(made, 1_500_000)).isEqualTo(Arrays.copyOf(file, 1_500_000));
    assertThat(Arrays.copyOfRange(made, made.length - 32, made.length))
        .isEqualTo(Arrays.copyOfRange(file, file.length - 32, file.length));
    assertThat(made[made.length - 33]).isZero();
    server.put("org/g", "m.gguf", Arrays.copyOf(file, 1_400_000));
    assertThatThrownBy(() -> hub().headers(RepoName.parse("org/g"), into, true, HubListener.NONE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("m.gguf: ");
  }

  /// Version 3, one key of so many bytes, a tensor of 4 MiB and `rope_freqs.weight`; all ones.
  private static byte[] gguf(int text) {
    ByteBuffer to = ByteBuffer.allocate(6_000_000 + text).order(ByteOrder.LITTLE_ENDIAN);
    to.put(HubServer.utf8("GGUF")).putInt(3).putLong(2).putLong(1);
    name(to, "k").putInt(8).putLong(text).position(to.position() + text);
    name(to, "output.weight").putInt(1).putLong(1 << 20).putInt(0).putLong(0);
    name(to, "rope_freqs.weight").putInt(1).putLong(8).putInt(0).putLong(4 << 20);
    int data = Math.ceilDiv(to.position(), 32) * 32;
    int end = data + (4 << 20) + 32;
    Arrays.fill(to.array(), data, end, (byte) 1);
    return Arrays.copyOf(to.array(), end);
  }

  private static ByteBuffer name(ByteBuffer to, String name) {
    return to.putLong(name.length()).put(HubServer.utf8(name));
  }

  private List<String> visible() throws IOException {
    try (Stream<Path> all = Files.walk(cache)) {
      return all.filter(Files::isRegularFile)
          .map(Path::toString)
          .filter(p -> !p.contains("/.locks/") && !p.endsWith("CACHEDIR.TAG"))
          .filter(p -> !p.contains("/trees/"))
          .toList();
    }
  }
}
