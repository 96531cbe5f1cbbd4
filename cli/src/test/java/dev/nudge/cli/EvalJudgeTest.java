package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Drives `nudge eval --judge` with a server that always prefers what stands first.
class EvalJudgeTest {
  private static final JsonMapper JSON = new JsonMapper();
  private static final String COMPLETION =
      "{\"choices\": [{\"message\": {\"role\": \"assistant\", \"content\": \"A\"}}]}";

  @TempDir Path folder;
  private Place place;
  private HttpServer server;
  private volatile int status = 200;

  @BeforeEach
  void write() throws IOException {
    place = Place.in(folder);
    place.write(
        "tasks/say.yaml",
        """
        task: say
        dataset_path: acme/quiz
        test_split: test
        doc_to_text: "{{q}}"
        doc_to_target: "{{q}}"
        generation_kwargs: {until: ["."], max_gen_toks: 4}
        metric_list: [{metric: squad_f1}]
        """);
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      rows.append("{\"q\": \"the pump %d\"}\n".formatted(i));
    }
    place.write("data/acme/quiz/test.jsonl", rows.toString());
    place.write("key", "sk-0123456789\n");
    place.write(
        "labels.jsonl",
        """
        {"question": "q", "answer_a": "x", "answer_b": "y", "label": "tie"}
        {"question": "q", "answer_a": "y", "answer_b": "z", "label": "a"}
        """);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/chat/completions",
        exchange -> {
          exchange.getRequestBody().readAllBytes();
          byte[] body = COMPLETION.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private Ran eval(List<String> first, String... more) {
    List<String> flags = new ArrayList<>(List.of("--tasks", "say"));
    flags.addAll(first);
    flags.addAll(Arrays.asList(more));
    return place.evaluate(flags.toArray(String[]::new));
  }

  private Ran judged(String... more) {
    List<String> judge =
        List.of(
            "--judge",
            "http://127.0.0.1:" + server.getAddress().getPort() + "/v1",
            "--judge-model",
            "large",
            "--judge-key-file",
            "D/key");
    return eval(judge, more);
  }

  @Test
  void textsAreJudgedAndAFailureIsNoLoss() {
    assertThat(place.train().code()).isZero();
    status = 401;
    Ran failed =
        judged("--adapter", "D/out", "--out", "D/eval", "--judge-labels", "D/labels.jsonl");
    assertThat(failed.code()).isEqualTo(1);
    assertThat(failed.err().lines().toList().getLast())
        .matches(
            "nudge: the judge http://127.0.0.1:\\d+/v1/chat/completions answers 401.*; give a key"
                + " that may do this by --judge-key-file; answers and verdicts are kept in D/eval,"
                + " and the same command goes on from there");
    status = 200;
    Ran ran = judged("--adapter", "D/out", "--out", "D/eval", "--judge-labels", "D/labels.jsonl");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("16 of 16 requests are answered already");
    assertThat(ran.out().lines().filter(line -> line.startsWith("judge: ")))
        .hasSize(2)
        .satisfiesExactly(
            line ->
                assertThat(line)
                    .matches(
                        "judge: say, adapter against base: win rate 0\\.5000 \\[0\\.\\d{4},"
                            + " 0\\.\\d{4}\\], p 1\\.0000; 0 wins, 0 losses, 8 ties \\(\\d"
                            + " contradictory\\) of 8 pairs.*"),
            line ->
                assertThat(line)
                    .isEqualTo(
                        "judge: agrees with people on 0.5000 of 2 pairs, kappa 0.0000 [-, -];"
                            + " without ties on - of 0, kappa -; 2 contradictory, first position"
                            + " 1.0000 of verdicts"));
    Ran json = judged("--adapter", "D/out", "--out", "D/eval", "--json");
    JsonNode judge = JSON.readTree(json.out()).path("judge");
    assertThat(judge.path("judge").path("model").asString()).isEqualTo("large");
    assertThat(judge.path("compared").path(0).path("win_rate").doubleValue()).isEqualTo(0.5);
    assertThat(judge.has("agreement")).isFalse();
    assertThat(folder.resolve("eval/judge_say.jsonl")).exists();
    assertThat(folder.resolve("eval/judge-labels.jsonl")).doesNotExist(); // of the call before
  }

  @Test
  void labelsAloneNeedNoAdapter() {
    Ran ran = judged("--out", "D/eval", "--judge-labels", "D/labels.jsonl");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("judge: agrees with people on 0.5000 of 2 pairs");
    Ran nothing = judged("--out", "D/none");
    assertThat(nothing.code()).isEqualTo(2);
    assertThat(nothing.err())
        .isEqualTo(
            "nudge: --judge has nothing to compare; add --adapter, --compare or --judge-labels\n");
    assertThat(folder.resolve("none")).doesNotExist();
  }

  @Test
  void aMistakeIsOneLineAndLeavesNothing() throws IOException {
    String adapter = "--adapter D/model "; // looked at after the judge
    assertMistake(
        adapter + "--judge D/none",
        "--judge D/none is no folder; give a model folder, or a URL that begins with http:// or"
            + " https://");
    assertMistake(
        adapter + "--judge D/model",
        "--judge: D/model has no chat template; a judge has to follow what it is told, so give a"
            + " model that was taught to");
    assertMistake(
        adapter + "--judge https://judge.example/v1",
        "--judge is a URL, and --judge-model is missing; name the model that it shall be asked"
            + " for");
    assertMistake(
        adapter + "--judge https://judge.example/v1 --judge-model m --judge-key-file D/none",
        "--judge-key-file D/none cannot be read: no such file or folder");
    assertMistake(
        adapter + "--judge D/model --judge-model m",
        "--judge-model is given and --judge is a folder; it goes with a URL (http:// or https://),"
            + " so leave one out");
    assertMistake(
        adapter + "--judge-prompt D/key", "--judge-prompt is given without --judge; add it");
    assertMistake(
        adapter + "--judge https://judge.example/v1 --judge-model m --judge-prompt D/key",
        "--judge-prompt D/key has no {question}; it needs {question}, {answer_a} and {answer_b},"
            + " and may have {reference}");
    place.write("labels.jsonl", "{\"question\": \"q\"}\n");
    assertMistake(
        adapter + "--judge https://judge.example/v1 --judge-model m --judge-labels D/labels.jsonl",
        "--judge-labels D/labels.jsonl, line 1: answer_a is missing; a row has question, answer_a,"
            + " answer_b and label");
  }

  private void assertMistake(String flags, String message) {
    Ran ran = eval(List.of(flags.split(" ")), "--out", "D/eval");
    assertThat(ran.err()).isEqualTo("nudge: " + message + "\n");
    assertThat(ran.code()).isEqualTo(2);
    assertThat(folder.resolve("eval")).doesNotExist();
  }
}
