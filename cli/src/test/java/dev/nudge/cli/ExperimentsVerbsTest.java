package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import dev.nudge.server.experiments.Admin;
import dev.nudge.server.experiments.AnswerFacts;
import dev.nudge.server.experiments.AnswerFacts.Outcome;
import dev.nudge.server.experiments.Arm;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.experiments.Feedback;
import dev.nudge.server.experiments.NoSuchException;
import dev.nudge.server.experiments.Resolver;
import dev.nudge.server.experiments.Routed;
import dev.nudge.server.experiments.Unit;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// `nudge experiments` against the handlers of a server, behind the JDK's own.
class ExperimentsVerbsTest implements Resolver {
  private static final String KEY = "admin-123";

  @TempDir Path folder;

  private Place place;
  private Experiments experiments;
  private HttpServer http;
  private int port;

  @Override
  public @Nullable String digest(String adapter) {
    return "sha256:" + "0123456789abcdef".repeat(4);
  }

  @Override
  public void rollBack(String experiment, Arm arm, String reason) {}

  @BeforeEach
  void start() throws IOException {
    place = new Place(folder).write("key", KEY + "\n").write("other-key", "x\n");
    experiments = Experiments.open(folder.resolve("store"), this);
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    http.createContext("/v1/experiments", this::handle);
    http.createContext("/page", exchange -> reply(exchange, 200, "<html>"));
    http.start();
    port = http.getAddress().getPort();
  }

  @AfterEach
  void stop() {
    http.stop(0);
    experiments.close();
  }

  private void handle(HttpExchange exchange) throws IOException {
    Admin admin = new Admin(experiments);
    String authorization = exchange.getRequestHeaders().getFirst("Authorization");
    if (!("Bearer " + KEY).equals(authorization)) {
      reply(exchange, 401, error("no such key"));
      return;
    }
    String[] path = exchange.getRequestURI().getPath().split("/");
    String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
    boolean post = exchange.getRequestMethod().equals("POST");
    try {
      Map<String, @Nullable Object> answer =
          path.length == 3
              ? post ? admin.create(Json.parse(body)) : admin.list()
              : path.length == 4 ? admin.show(path[3]) : admin.stop(path[3], Json.parse(body));
      reply(exchange, 200, Json.line(answer));
    } catch (InputException e) {
      reply(exchange, 400, error(e.getMessage()));
    } catch (NoSuchException e) {
      reply(exchange, 404, error(e.getMessage()));
    }
  }

  private static String error(@Nullable String message) {
    return Json.line(Map.of("error", Map.of("message", String.valueOf(message))));
  }

  private static void reply(HttpExchange exchange, int status, String body) throws IOException {
    exchange.sendResponseHeaders(status, 0);
    try (var out = exchange.getResponseBody()) {
      out.write(body.getBytes(UTF_8));
    }
  }

  private String asked() {
    return "asked " + url() + "/\n";
  }

  private String url() {
    return "http://127.0.0.1:" + port;
  }

  private Ran run(String... words) {
    List<String> line = new ArrayList<>(List.of("experiments"));
    line.addAll(List.of(words));
    if (!line.contains("--server") && !line.contains("--store")) {
      line.addAll(List.of("--server", url(), "--admin-key-file", "D/key"));
    }
    return place.run(line.toArray(String[]::new));
  }

  private JsonNode json(String... words) {
    List<String> line = new ArrayList<>(List.of(words));
    line.add("--json");
    Ran ran = run(line.toArray(String[]::new));
    assertThat(ran.code()).as(ran.err()).isZero();
    return Json.parse(ran.out());
  }

  private static final String[] CREATE = {
    "create", "tone", "--arm", "A=support@champion", "--arm", "B=support@canary", "--salt", "s"
  };

  private void answers(int n) {
    answers("", n);
  }

  private void answers(String prefix, int n) {
    Feedback feedback = new Feedback(experiments);
    for (int i = 0; i < n; i++) {
      Routed routed = requireNonNull(experiments.route("tone", new Unit(prefix + i), prefix + i));
      routed.ended(
          routed.arm(),
          new AnswerFacts(prefix + "c" + i, Outcome.DONE, false, 5, 40, 0.1, 0.4, false, null));
      feedback.take(Json.parse("{\"request_id\": \"" + prefix + i + "\", \"thumbs\": \"up\"}"));
    }
  }

  @Test
  void anExperimentIsBegunShownListedAndStopped() {
    Ran created = run(CREATE);
    assertThat(created.code()).as(created.err()).isZero();
    assertThat(created.err())
        .isEqualTo(
            asked()
                + """
                A is support@champion, sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
                B is support@canary, sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
                nudge: warning: all arms are the same adapter, so only chance tells them apart
                tone runs; requests for that model take part
                """);
    answers(30);
    assertThat(run("list").out().lines().map(line -> line.split(" {2,}")).toList())
        .containsExactly(
            new String[] {"NAME", "MODE", "STATE", "VERDICT", "UNITS", "REQUESTS"},
            new String[] {"tone", "ab", "running", "collecting", "30", "30"});
    String shown = run("show", "tone").out();
    assertThat(shown)
        .contains("of 100 units with score in A and in B; ")
        .containsPattern("\nscore, mean, B less A: \\d+ of 100 units .* more are needed")
        .doesNotContain("probability")
        .containsPattern("\nARM +A +B\n")
        .containsPattern("\nadapter +support@champion +support@canary\n")
        .containsPattern("\ndigest +0123456789ab +0123456789ab\n")
        .containsPattern("\ntime to first token, p50 +0\\.0992 s +0\\.0992 s\n")
        .contains("guardrail error_rate of B, tolerance 0.2500: no alarm, p = 1.000")
        .contains("units by weight: chi-square ");
    for (JsonNode arm : json("show", "tone").path("arms")) { // the page writes the same
      for (JsonNode figure : arm.path("figures")) {
        assertThat(shown)
            .containsPattern(
                "\n" + figure.path("name").asString() + " .*" + figure.path("text").asString());
      }
    }
    answers("more", 300);
    assertThat(run("show", "tone").out())
        .containsPattern("\nscore, mean, B less A: 0, interval -0\\.\\d+ to 0\\.\\d+, p = 1")
        .contains("higher with probability ");
    assertThat(json("show", "tone")).hasToString(Json.line(experiments.show("tone")));
    assertThat(json("list").at("/data/0/name").asString()).isEqualTo("tone");
    Ran stopped = run("stop", "tone", "--arm", "B", "--reason", "release 7");
    assertThat(stopped.err()).isEqualTo(asked() + "tone is stopped; B answers to its name\n");
    assertThat(run("show", "tone").out()).contains(": release 7; B answers to its name");
  }

  /// Skipped where something else listens on the port that `nudge serve` has by itself.
  @Test
  void theServerOfThisMachineIsAskedWhereNoneIsNamed() throws IOException {
    run(CREATE);
    HttpServer local = HttpServer.create();
    try {
      local.bind(new InetSocketAddress("127.0.0.1", 8080), 0);
    } catch (BindException e) {
      Assumptions.abort("port 8080 is in use");
    }
    local.createContext("/v1/experiments", this::handle);
    local.start();
    try {
      String asked = "asked http://127.0.0.1:8080/\n";
      String[] show = {"experiments", "show", "tone", "--admin-key-file", "D/key"};
      Ran shown = place.run(show);
      assertThat(shown).isEqualTo(new Ran(0, run("show", "tone").out(), asked));
      String[] list = {"experiments", "list", "--admin-key-file", "D/key", "-q"};
      assertThat(place.run(list)).isEqualTo(new Ran(0, run("list").out(), ""));
      Ran created =
          place.run("experiments create b --arm A=a --arm B=b --admin-key-file D/key".split(" "));
      assertThat(created.err())
          .startsWith(asked)
          .endsWith("b runs; requests for that model take part\n");
      Ran stopped = place.run("experiments stop b --admin-key-file D/key".split(" "));
      assertThat(stopped.err()).isEqualTo(asked + "b is stopped; A answers to its name\n");
    } finally {
      local.stop(0);
    }
  }

  @Test
  void everyFlagOfCreateReachesTheServer() {
    JsonNode report =
        json(
            "create tone --mode canary --arm A=base --arm B=b --metric length --guardrail error-rate=0.5 --guardrail length=2 --alpha 0.01 --min-sample 30 --equivalence 2 --ramp 10,100 --stage-units 7 --salt s"
                .split(" "));
    assertThat(report.at("/mode").asString()).isEqualTo("canary");
    assertThat(report.at("/metric").asString()).isEqualTo("length");
    assertThat(report.at("/guardrails/0/tolerance").asDouble()).isEqualTo(0.5);
    assertThat(report.at("/guardrails/1/metric").asString()).isEqualTo("length");
    assertThat(report.at("/alpha").asDouble()).isEqualTo(0.01);
    assertThat(report.at("/min_sample").asInt()).isEqualTo(30);
    assertThat(report.at("/equivalence").asDouble()).isEqualTo(2);
    assertThat(report.at("/ramp").toString()).isEqualTo("[10,100]");
    assertThat(report.at("/stage_units").asInt()).isEqualTo(7);
    assertThat(report.at("/salt").asString()).isEqualTo("s");
    JsonNode weighted =
        json("create other --arm A=a --arm B=b --arm C=c --weights 7,2,1".split(" "));
    assertThat(weighted.at("/arms/0/weight").asInt()).isEqualTo(7);
    assertThat(run("list").out()).contains("tone   canary 10 %  running");
  }

  @Test
  void aCanaryThatIsUpBeforeItsMetricIsJudgedIsWarnedOf() {
    String canary = "create %s --mode canary --arm A=base --arm B=b --ramp 10,50,100";
    assertThat(run((canary.formatted("fast") + " --stage-units 49").split(" ")).err())
        .contains(
            "the last stage, 100 %, begins after 98 units of the second arm, and score is judged"
                + " from 100 on, so until then guardrails alone stop it; set --stage-units to at"
                + " least 50");
    assertThat(run((canary.formatted("slow") + " --stage-units 50").split(" ")).err())
        .contains("slow runs")
        .doesNotContain("the last stage");
  }

  @Test
  void theFolderOfAServerIsReadWhileItRunsAndStoppedWhileItDoesNot() {
    run(CREATE);
    answers(3);
    String[] store = {"--store", "D/store"};
    assertThat(json("show", "tone", store[0], store[1])).isEqualTo(json("show", "tone"));
    Ran busy = run("stop", "tone", store[0], store[1]);
    assertThat(busy.code()).isEqualTo(2);
    assertThat(busy.err())
        .isEqualTo(
            "nudge: D/store/tone.jsonl is in use by another server; stop that one, or give this one"
                + " another folder\n");
    experiments.close();
    assertThat(run("stop", "tone", store[0], store[1]).code()).isZero();
    assertThat(run("list", store[0], store[1]).out()).contains("stopped  undecided  3");
    experiments = Experiments.open(folder.resolve("store"), this);
    assertThat(json("show", "tone").get("state").asString()).isEqualTo("stopped");
  }

  @Test
  void whatTheServerRefusesIsOneLine() {
    assertThat(run("show", "tone"))
        .isEqualTo(
            new Ran(
                2, "", asked() + "nudge: there is no experiment 'tone': there is none at all\n"));
    assertThat(run("list", "--server", url()))
        .isEqualTo(
            new Ran(
                2,
                "",
                asked()
                    + "nudge: --server "
                    + url()
                    + "/ wants the admin key; give --admin-key-file\n"));
    assertThat(run("list", "--server", url(), "--admin-key-file", "D/other-key").err())
        .isEqualTo(
            asked()
                + "nudge: --server "
                + url()
                + "/ refuses the key of --admin-key-file: no such key\n");
    assertThat(run("create", "a/b", "--arm", "A=x", "--arm", "B=y").err())
        .startsWith(asked() + "nudge: name is \"a/b\"; it must be 1 to 64 letters");
    Ran page = run("list", "--server", url() + "/page");
    assertThat(page.code()).isEqualTo(1);
    assertThat(page.err())
        .isEqualTo(
            "asked %s/page/\nnudge: --server ".formatted(url())
                + url()
                + "/page/: the answer, of status 200, is no JSON; is it nudge serve?\n");
    http.stop(0);
    Ran nobody = run("list");
    assertThat(nobody.code()).isEqualTo(1);
    assertThat(nobody.err())
        .isEqualTo(
            "nudge: --server "
                + url()
                + "/: nothing answers there; start nudge serve, or give its URL\n");
  }
}
