package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Flags;
import dev.nudge.cli.console.Verb;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.Server;
import dev.nudge.server.trials.Trials;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Layer;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Outlook;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import tools.jackson.databind.JsonNode;

/// Hold the image and the manifests of `deploy/`, which no build runs, to the commands, flags,
/// endpoints and files that they name.
class DeployTest {
  private static final Path DEPLOY = Path.of("../deploy");
  private static final String NAMESPACE = "default";

  @TempDir Path temp;

  private static List<JsonNode> documents(String file) throws IOException {
    List<JsonNode> all = new ArrayList<>();
    new Load(LoadSettings.builder().build())
        .loadAllFromString(Files.readString(DEPLOY.resolve(file)))
        .forEach(one -> all.add(Json.tree(Objects.requireNonNull(one))));
    assertThat(all)
        .isNotEmpty()
        .allSatisfy(
            one -> {
              assertThat(one.path("apiVersion").asString("")).isNotEmpty();
              assertThat(one.path("kind").asString("")).isNotEmpty();
              assertThat(one.at("/metadata/name").asString("")).startsWith("nudge");
              assertThat(one.at("/metadata/namespace").asString("")).isEqualTo(NAMESPACE);
            });
    return all;
  }

  private static JsonNode kind(List<JsonNode> documents, String kind) {
    return documents.stream()
        .filter(one -> one.path("kind").asString("").equals(kind))
        .findFirst()
        .orElseThrow();
  }

  private static String name(JsonNode document) {
    return document.at("/metadata/name").asString("");
  }

  private static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(one -> texts.add(one.asString("")));
    return texts;
  }

  private static <S extends Record> S read(Verb<S> verb, List<String> words) {
    Schema<S> schema = verb.schema();
    Layer given = Flags.of(verb, schema.knobs()).parse(words).values();
    return schema.read(List.of(given));
  }

  private static Verb<?> verb(String name) {
    return Library.verbs().stream().filter(v -> v.name().equals(name)).findFirst().orElseThrow();
  }

  /// Where each file of the image comes to, of both files that make it.
  private static Set<String> image() throws IOException {
    Set<String> places = new TreeSet<>(Set.of("/opt/nudge/nudge"));
    for (String line : Files.readAllLines(DEPLOY.resolve("Containerfile"))) {
      if (line.startsWith("COPY --from=")) {
        places.add(line.substring(line.lastIndexOf(' ') + 1));
      }
    }
    assertThat(Files.readString(Path.of("../Dockerfile")))
        .contains("WORKDIR /opt/nudge\nCOPY --from=build /opt/nudge/nudge ");
    return places;
  }

  @Test
  void theImageIsMadeOfWhatIsThereAndRunsAsNoRoot() throws IOException {
    List<String> lines =
        Files.readAllLines(DEPLOY.resolve("Containerfile")).stream()
            .filter(line -> !line.startsWith("#") && !line.isBlank())
            .toList();
    assertThat(lines)
        .allMatch(line -> line.matches("(ARG|FROM|RUN|COPY|WORKDIR|ENV|USER|ENTRYPOINT) .*"))
        .contains("FROM nudge", "ENV SPARK_HOME=/opt/spark")
        .anyMatch(
            line -> line.matches("RUN mvn .* -pl spark -am package .*nudge-spark-\\*-all.jar .*"));
    assertThat(lines.stream().filter(line -> line.startsWith("USER ")))
        .last()
        .isEqualTo("USER 185");
    String pom = Files.readString(Path.of("../pom.xml"));
    assertThat(pom).contains("<module>spark</module>");
    String version = pom.replaceAll("(?s).*<spark.version>(.*?)</spark.version>.*", "$1");
    assertThat(lines.getFirst()).isEqualTo("ARG SPARK=docker.io/apache/spark:" + version);
    assertThat(Files.readString(Path.of("../spark/pom.xml")))
        .contains("<shadedClassifierName>all<");
  }

  @Test
  void replicasServeByFlagsAndPathsThatThereAre() throws Exception {
    List<JsonNode> documents = documents("serve.yaml");
    JsonNode deployment = kind(documents, "Deployment");
    JsonNode pod = deployment.at("/spec/template/spec");
    JsonNode container = pod.path("containers").get(0);
    assertThat(image()).containsAll(texts(container.path("command")));
    assertThat(Files.readString(DEPLOY.resolve("Containerfile")))
        .contains(" -t " + container.path("image").asString("") + " ");
    assertThat(container.path("image").asString("")).contains(":"); // a tag
    List<String> words = texts(container.path("args"));
    assertThat(words.getFirst()).isEqualTo("serve");
    ServeSettings settings = (ServeSettings) read(verb("serve"), words.subList(1, words.size()));

    ByteSize memory = Objects.requireNonNull(settings.memory());
    String limit = container.at("/resources/limits/memory").asString("").replace("i", "");
    String heap = Files.readString(Path.of("../nudge")).replaceAll("(?s).* -Xmx(\\d+g) .*", "$1");
    assertThat(ByteSize.parse(limit).bytes())
        .isGreaterThan(memory.bytes() + ByteSize.parse(heap.toUpperCase(Locale.ROOT)).bytes());
    JsonNode startup = container.path("startupProbe");
    assertThat(startup.path("httpGet")).isEqualTo(container.at("/readinessProbe/httpGet"));
    assertThat(startup.path("periodSeconds").asInt(0) * startup.path("failureThreshold").asInt(0))
        .isGreaterThanOrEqualTo(1800); // seconds to load
    assertThat(container.path("livenessProbe").has("initialDelaySeconds")).isFalse();
    assertThat(container.at("/resources/requests/cpu").asString(""))
        .isEqualTo(String.valueOf(settings.threads()));
    int sleeps = Integer.parseInt(texts(container.at("/lifecycle/preStop/exec/command")).get(1));
    assertThat(pod.path("terminationGracePeriodSeconds").asInt(0))
        .isGreaterThan(sleeps + settings.drainTimeout());
    JsonNode port = container.path("ports").get(0);
    assertThat(port.path("containerPort").asInt(0)).isEqualTo(settings.port());
    String named = port.path("name").asString("");
    JsonNode probe = container.at("/readinessProbe/httpGet");
    assertThat(probe.path("port").asString("")).isEqualTo(named);
    assertThat(container.at("/livenessProbe/tcpSocket/port").asString("")).isEqualTo(named);
    JsonNode service = kind(documents, "Service");
    assertThat(service.at("/spec/ports/0/targetPort").asString("")).isEqualTo(named);
    JsonNode labels = deployment.at("/spec/template/metadata/labels");
    assertThat(service.at("/spec/selector")).isEqualTo(labels);
    assertThat(deployment.at("/spec/selector/matchLabels")).isEqualTo(labels);
    assertThat(kind(documents, "PodDisruptionBudget").at("/spec/selector/matchLabels"))
        .isEqualTo(labels);

    Map<String, Boolean> mounts = new HashMap<>();
    for (JsonNode mount : container.path("volumeMounts")) {
      mounts.put(mount.path("mountPath").asString(""), mount.path("readOnly").asBoolean(false));
      assertThat(pod.path("volumes"))
          .anyMatch(volume -> volume.path("name").equals(mount.path("name")));
    }
    assertThat(mounts.values()).containsOnly(true);
    for (Path used :
        List.of(
            settings.model(),
            Objects.requireNonNull(settings.registry()),
            Objects.requireNonNull(settings.apiKeys()))) {
      assertThat(mounts).containsKey("/" + used.getName(0));
    }
    assertThat(pod.at("/volumes/0/persistentVolumeClaim/claimName").asString(""))
        .isEqualTo(name(kind(documents, "PersistentVolumeClaim")));
    assertThat(answer(probe.path("path").asString(""))).isEqualTo(200);
  }

  /// The status of a path on a server.
  private int answer(String path) throws Exception {
    Place place = Place.in(temp);
    ServeSettings settings =
        ServeSettings.of(
            Map.of(
                "model",
                place.path("model"),
                "registry",
                temp.resolve("registry"),
                "port",
                0,
                "threads",
                1));
    try (Server server = Server.start(settings, Machine.here(), _ -> {}, Trials::open);
        HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request = HttpRequest.newBuilder(URI.create(server.url() + path)).build();
      return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }
  }

  @Test
  void theJobSubmitsARunByFlagsThatThereAre() throws IOException {
    List<JsonNode> documents = documents("train.yaml");
    assertThat(kind(documents, "Job").at("/spec/backoffLimit").asInt(-1)).isZero();
    JsonNode pod = kind(documents, "Job").at("/spec/template/spec");
    JsonNode container = pod.path("containers").get(0);
    assertThat(texts(container.path("command"))).containsExactly("/opt/spark/bin/spark-submit");
    assertThat(image()).contains("/opt/spark");
    List<String> words = texts(container.path("args"));
    int jar = words.indexOf("train") - 1;
    assertThat(image()).contains(words.get(jar).replaceFirst("^local://", ""));
    Map<String, String> conf = new HashMap<>();
    for (String word : words.subList(0, jar)) {
      if (word.startsWith("--conf=")) {
        String[] parts = word.substring("--conf=".length()).split("=", 2);
        assertThat(conf.put(parts[0], parts[1])).isNull();
      }
    }
    List<String> run = new ArrayList<>(words.subList(jar + 2, words.size()));
    assertThat(run.removeFirst()).isEqualTo("--ranks=" + conf.get("spark.executor.instances"));
    TrainSettings settings = (TrainSettings) read(verb("train"), run);
    assertThat(words).contains("--class=" + Outlook.SUBMIT);

    Place place = Place.in(temp);
    place.write("rows.jsonl", "{\"text\": \"a\"}\n");
    Ran printed =
        place.run(
            "spark --print --json --model D/model --data D/rows.jsonl --out D/out".split(" "));
    List<String> keys = List.copyOf(Json.parse(printed.out()).path("conf").propertyNames());
    assertThat(conf).containsKeys(keys.toArray(String[]::new));
    assertThat(conf.get("spark.task.cpus")).isEqualTo(conf.get("spark.executor.cores"));
    conf.keySet().removeAll(keys);
    String mount = "volumes.persistentVolumeClaim.shared.";
    String shared = "/" + settings.output().out().getName(0);
    assertThat(settings.model().model().startsWith(shared)).isTrue();
    assertThat(conf)
        .allSatisfy((key, value) -> assertThat(key).startsWith("spark.kubernetes."))
        .containsEntry("spark.kubernetes.container.image", container.path("image").asString(""))
        .containsEntry("spark.kubernetes.namespace", NAMESPACE)
        .containsEntry(
            "spark.kubernetes.authenticate.driver.serviceAccountName",
            name(kind(documents, "ServiceAccount")))
        .containsEntry("spark.kubernetes.driver." + mount + "mount.path", shared)
        .containsEntry("spark.kubernetes.executor." + mount + "mount.path", shared)
        .containsEntry(
            "spark.kubernetes.executor." + mount + "options.claimName",
            name(kind(documents("serve.yaml"), "PersistentVolumeClaim")));
    assertThat(pod.path("serviceAccountName").asString(""))
        .isEqualTo(name(kind(documents, "ServiceAccount")))
        .isEqualTo(kind(documents, "RoleBinding").at("/subjects/0/name").asString(""));
    assertThat(kind(documents, "RoleBinding").at("/roleRef/name").asString(""))
        .isEqualTo(name(kind(documents, "Role")));
  }
}
