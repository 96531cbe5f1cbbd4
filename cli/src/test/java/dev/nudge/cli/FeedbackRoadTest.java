package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.machine.Machine;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.Server;
import dev.nudge.server.trials.Trials;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// The road of the guide "learn from feedback", from a served champion to the next one, with users
/// whose wish is known: a short answer. Their model gives a short one in two cases of five.
@Timeout(1800)
class FeedbackRoadTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CHAT =
      "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}</s>{% endfor %}{% if"
          + " add_generation_prompt %}a:{% endif %}";
  private static final List<String> QUESTIONS = List.of("is it on", "where", "when", "why not");
  private static final String SHORT = "yes";
  private static final String LONG = "well, it is so, yes";
  private static final int USERS = 48;

  @TempDir Path folder;

  @SuppressWarnings("NullAway.Init") // by the test
  private Place place;

  private Ran run(String line) {
    Ran ran = place.run(line.split(" "));
    assertThat(ran.code()).as(line + "\n" + ran.err()).isZero();
    return ran;
  }

  private void train(String line) {
    run("train --compute fp32 --threads 1 --lanes 1 --warmup 0 -q " + line);
  }

  private static JsonNode post(Server server, String path, String body) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(server.url() + path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body.replace('\'', '"')))
            .build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<String> reply = client.send(request, HttpResponse.BodyHandlers.ofString());
      assertThat(reply.statusCode()).as(reply.body()).isIn(200, 201);
      return JSON.readTree(reply.body());
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /// @param first number of the first user: those of a stage of a canary are new ones
  private static JsonNode ask(Server server, String model, int first, int user, int seed) {
    return post(
        server,
        "/v1/chat/completions",
        "{'model':'%s','user':'u%d','seed':%d,'max_tokens':24,'messages':[{'role':'user','content':'%s'}]}"
            .formatted(model, first + user, seed, QUESTIONS.get(user % QUESTIONS.size())));
  }

  private static boolean likes(JsonNode answer) {
    return answer.at("/choices/0/message/content").asString().equals(SHORT);
  }

  private static void say(Server server, JsonNode answer, String more) {
    String id = answer.path("id").asString();
    post(server, "/v1/feedback", "{'response_id':'%s',%s}".formatted(id, more));
  }

  /// Users ask and rate; who dislikes an answer asks again or writes what it should have been.
  ///
  /// @return how many liked their first answer
  private static int use(Server server, String model, int seed) {
    int liked = 0;
    for (int user = 0; user < USERS; user++) {
      JsonNode answer = ask(server, model, seed, user, seed + user);
      boolean likes = likes(answer);
      liked += likes ? 1 : 0;
      say(server, answer, likes ? "'thumbs':'up'" : "'thumbs':'down'");
      if (!likes && user % 3 == 0) {
        say(server, answer, "'correction':'" + SHORT + "'");
      } else if (!likes) {
        JsonNode again = ask(server, model, seed, user, seed + user + 1000);
        say(server, again, likes(again) ? "'thumbs':'up'" : "'thumbs':'down'");
        say(server, again, "'regeneration_of':'" + answer.path("id").asString() + "'");
      }
    }
    return liked;
  }

  private Server serve() {
    return Server.start(
        ServeSettings.of(place.path("base"))
            .withRegistry(place.path("registry"))
            .withCapture(place.path("captured"))
            .withAllowKeylessAdmin(true)
            .withExperiments(place.path("experiments"))
            .withAdapter("teams=teams@champion")
            .withThreads(1)
            .withPort(0),
        new Machine(1, 2L << 30, Backends.cache(), "test"),
        line -> {},
        Trials::open);
  }

  private void write() throws IOException {
    StringBuilder rows = new StringBuilder();
    StringBuilder quiz = new StringBuilder();
    for (String question : QUESTIONS) {
      for (String answer : List.of(SHORT, SHORT, LONG, LONG, LONG)) {
        rows.append(
            "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"},{\"role\":\"assistant\",\"content\":\"%s\"}]}\n"
                .formatted(question, answer));
      }
      quiz.append("{\"q\":\"%s\",\"label\":0}\n".formatted(question));
    }
    place
        .write("rows.jsonl", rows.toString())
        .write("chat.jinja", CHAT)
        .write("data/acme/brief/test.jsonl", quiz.toString())
        .write(
            "tasks/brief.yaml",
            """
            task: brief
            dataset_path: acme/brief
            test_split: test
            output_type: multiple_choice
            doc_to_text: "u:{{q}}</s>a:"
            target_delimiter: ""
            doc_to_choice: ["yes</s>", "well, it is so, yes</s>"]
            doc_to_target: label
            metric_list: [{metric: acc}]
            """)
        .write(
            "policy.yaml",
            "floor:\n  - {task: brief, metric: acc, at_least: 1, judged_by: point}\n");
  }

  @Test
  void whatUsersLikeIsWhatTheNextChampionSays() throws IOException {
    place = Place.in(folder);
    write();
    train(
        "--model D/model --data D/rows.jsonl --template D/chat.jinja --method full --steps 60"
            + " --learning-rate 0.005 --batch-size 20 --out D/base");
    train("--model D/base --data D/rows.jsonl --steps 2 --batch-size 20 --out D/v1");
    run("adapters push teams D/v1 --alias champion --registry D/registry -q");

    int before;
    try (Server server = serve()) {
      before = use(server, "teams", 0);
    }
    assertThat(before).isBetween(USERS / 5, 3 * USERS / 5);
    Ran made = run("data from-feedback D/captured --adapter teams --out D/feedback --json");
    JsonNode counts = JSON.readTree(made.out());
    assertThat(counts.path("liked").asInt()).isGreaterThanOrEqualTo(before);
    assertThat(counts.at("/pairs/correction").asInt()).isPositive();
    assertThat(counts.at("/pairs/regeneration").asInt()).isPositive();

    String on = "--model D/base --init-adapter D/v1 --batch-size 16 --learning-rate 0.002 ";
    train(on + "--data D/feedback/kto.jsonl --objective kto --epochs 8 --out D/kto");
    train(on + "--data D/feedback/dpo.jsonl --objective dpo --rpo-alpha 1 --steps 30 --out D/v2");
    List<String> metrics = Files.readAllLines(place.path("v2/metrics.jsonl"));
    JsonNode last = JSON.readTree(metrics.getLast());
    assertThat(last.path("accuracy").asDouble()).isEqualTo(1);
    assertThat(last.path("margin").asDouble()).isGreaterThan(0.5);

    String gate =
        "eval --model D/base --tasks brief --tasks-dir D/tasks --data-dir D/data --threads 1"
            + " --compute fp32 --policy D/policy.yaml -q --adapter ";
    assertThat(place.run((gate + "D/v1 --out D/old").split(" ")).code()).isEqualTo(3);
    run(gate + "D/v2 --out D/new");
    run("adapters protect teams@champion --policy D/policy.yaml --registry D/registry -q");
    run(
        "adapters push teams D/v2 --alias canary --registry D/registry --report D/new/gate.json"
            + " -q");
    run("adapters push rated D/kto --alias canary --registry D/registry -q");

    try (Server server = serve()) {
      assertThat(use(server, "rated@canary", 7000)).isGreaterThan(USERS * 7 / 10);
      JsonNode good = canary(server, "brevity");
      assertThat(good.path("state").asString()).isEqualTo("running");
      assertThat(good.path("percent").asInt()).isEqualTo(100);
      double champion = good.at("/arms/0/metrics/score/value").asDouble();
      double canary = good.at("/arms/1/metrics/score/value").asDouble();
      assertThat(canary).isGreaterThan(champion + 0.2);
      String at = " --server " + server.url();
      run("experiments stop brevity --arm B" + at);
      assertThat(run("experiments show brevity" + at).out())
          .contains("  stopped  ")
          .doesNotContain("collecting");
      run("adapters alias teams@champion canary --registry D/registry -q");
      assertThat(use(server, "teams", 20_000)).isGreaterThan(USERS * 8 / 10);

      // the old one again, as a canary of the new champion: users end it before all get it
      run("adapters alias teams@canary 1 --registry D/registry -q");
      JsonNode bad = canary(server, "again");
      assertThat(bad.at("/verdict/state").asString()).as(bad.toString()).isEqualTo("worse");
      assertThat(bad.path("state").asString()).isEqualTo("stopped");
      assertThat(bad.at("/stopped/rolled_back").asString()).isEqualTo("teams@canary");
      assertThat(run("adapters show teams --registry D/registry").out().lines().toList())
          .anyMatch(line -> line.startsWith("teams:2  deployed") && line.contains("canary"));
      assertThat(use(server, "again", 40_000)).isGreaterThan(USERS * 8 / 10);
    }
    JsonNode next =
        JSON.readTree(
            run("data from-feedback D/captured --adapter teams --out D/next --json").out());
    assertThat(next.path("liked").asInt()).isGreaterThan(counts.path("liked").asInt());
  }

  /// A canary of teams@canary beside teams@champion, with new users until it has stopped, or all
  /// get
  /// it; the percentages only rise.
  ///
  /// @return its report
  private JsonNode canary(Server server, String name) throws IOException {
    String at = " --server " + server.url();
    run(
        "experiments create %s --mode canary --arm A=teams@champion --arm B=teams@canary --ramp 25,50,100 --stage-units 16 --min-sample 20 --salt s"
                .formatted(name)
            + at);
    JsonNode report = show(name, at);
    assertThat(report.path("percent").asInt()).isEqualTo(25);
    for (int round = 0;
        round < 8
            && report.path("state").asString().equals("running")
            && report.path("percent").asInt() < 100;
        round++) {
      int before = report.path("percent").asInt();
      use(server, name, 9000 + 2000 * round);
      report = show(name, at);
      assertThat(report.path("percent").asInt()).isGreaterThanOrEqualTo(before);
    }
    return report;
  }

  private JsonNode show(String name, String at) {
    return JSON.readTree(run("experiments show " + name + " --json" + at).out());
  }
}
