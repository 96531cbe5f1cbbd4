package dev.nudge.runs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Hand runs to other programs. `src/test/reference/tensorboard_reads.py` and `mlflow_takes.sh`
/// do the same with the real ones.
class RunExportTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/tensorboard");

  @TempDir Path folder;

  private final List<String> requests = new CopyOnWriteArrayList<>();
  private final List<JsonNode> bodies = new CopyOnWriteArrayList<>();
  private HttpServer server;
  private List<StoredRun> runs;

  @BeforeEach
  void begin() throws IOException {
    MadeRuns.finished(folder.resolve("runs/a"), 0);
    MadeRuns.finished(folder.resolve("runs/b, \"two\""), 1);
    runs =
        List.of(
            StoredRun.open(folder.resolve("runs/a")),
            StoredRun.open(folder.resolve("runs/b, \"two\"")));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void end() {
    server.stop(0);
  }

  private String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /// What a server of MLflow answers, as far as it is asked.
  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath().replaceFirst("^(/base)?/api/2.0/mlflow/", "");
    String query = exchange.getRequestURI().getQuery();
    String authorization = exchange.getRequestHeaders().getFirst("Authorization");
    requests.add(
        exchange.getRequestMethod()
            + " "
            + path
            + (query == null ? "" : "?" + query)
            + (authorization == null ? "" : " " + authorization));
    byte[] body = exchange.getRequestBody().readAllBytes();
    if (body.length > 0) {
      bodies.add(Json.parse(new String(body, StandardCharsets.UTF_8)));
    }
    String known = "{\"experiment\":{\"experiment_id\":\"7\"}}";
    String missing =
        "{\"error_code\":\"RESOURCE_DOES_NOT_EXIST\",\"message\":\"No Experiment\\nwith name\"}";
    String[] said =
        switch (path) {
          case "experiments/get-by-name" ->
              query != null && query.endsWith("known")
                  ? new String[] {"200", known}
                  : new String[] {"404", missing};
          case "experiments/create" -> new String[] {"200", "{\"experiment_id\":\"8\"}"};
          case "runs/create" -> new String[] {"200", "{\"run\":{\"info\":{\"run_id\":\"r1\"}}}"};
          case "runs/log-batch", "runs/update" -> new String[] {"200", "{}"};
          default -> new String[] {"500", "<html>no</html>"};
        };
    byte[] text = said[1].getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(Integer.parseInt(said[0]), text.length);
    exchange.getResponseBody().write(text);
    exchange.close();
  }

  @Test
  void mlflowGetsSettingsMetricsWithStepsTagsAndHowItEnded() {
    List<MlflowExport.Sent> sent = MlflowExport.send(runs.subList(0, 1), url(), "new");
    assertThat(sent)
        .containsExactly(new MlflowExport.Sent("20261101-100000-000000", "8", "r1", 16));
    assertThat(requests)
        .containsExactly(
            "GET experiments/get-by-name?experiment_name=new",
            "POST experiments/create",
            "POST runs/create",
            "POST runs/log-batch",
            "POST runs/log-batch",
            "POST runs/update");
    assertThat(bodies.get(0)).isEqualTo(Json.parse("{\"name\":\"new\"}"));
    JsonNode create = bodies.get(1);
    assertThat(create.get("experiment_id").asString()).isEqualTo("8");
    assertThat(create.get("run_name").asString()).isEqualTo("a");
    long start = MadeRuns.START.toEpochMilli();
    assertThat(create.get("start_time").asLong()).isEqualTo(start);
    assertThat(create.get("tags").toString())
        .contains(
            "{\"key\":\"nudge.id\",\"value\":\"20261101-100000-000000\"}", "nudge.digest.data")
        .contains("\"mlflow.runName\"");
    JsonNode params = bodies.get(2).get("params");
    assertThat(params.toString())
        .contains(
            "{\"key\":\"rank\",\"value\":\"8\"}", "{\"key\":\"data\",\"value\":\"data/a.jsonl\"}")
        .doesNotContain("eval_data"); // not set
    JsonNode metrics = bodies.get(3).get("metrics");
    assertThat(metrics.get(0))
        .isEqualTo(
            Json.parse(
                "{\"key\":\"eval/loss\",\"value\":2.5,\"timestamp\":" + start + ",\"step\":0}"));
    assertThat(metrics.get(1))
        .isEqualTo(
            Json.parse(
                "{\"key\":\"train/loss\",\"value\":2.0,\"timestamp\":"
                    + (start + 2000)
                    + ",\"step\":1}"));
    assertThat(metrics.toString()).doesNotContain("null"); // a skipped step has no loss
    assertThat(bodies.get(4).get("status").asString()).isEqualTo("FINISHED");
    assertThat(bodies.get(4).get("end_time").asLong()).isEqualTo(start + 4000);
  }

  @Test
  void aLongRunGoesInBatchesOfAThousand() throws IOException {
    List<String> rows =
        IntStream.rangeClosed(1, 1500)
            .mapToObj(i -> "{\"step\":" + i + ",\"loss\":1.0,\"lr\":0.1}")
            .toList();
    Files.write(folder.resolve("runs/a/metrics.jsonl"), rows);
    StoredRun run = StoredRun.open(folder.resolve("runs/a"));
    assertThat(MlflowExport.send(List.of(run), url() + "/base/", "known").getFirst().metrics())
        .isEqualTo(3000);
    assertThat(bodies.stream().filter(b -> b.has("metrics")).map(b -> b.get("metrics").size()))
        .containsExactly(1000, 1000, 1000);
    assertThat(requests).doesNotContain("POST experiments/create");
  }

  @Test
  void aPasswordInTheAddressIsSentAndNeverShown() {
    String url = url().replace("http://", "http://user:secret@");
    MlflowExport.send(runs.subList(0, 1), url, "known");
    assertThat(requests).allSatisfy(r -> assertThat(r).endsWith(" Basic dXNlcjpzZWNyZXQ="));
    assertThatThrownBy(() -> MlflowExport.send(runs, url + "/other/", "x"))
        .hasMessageNotContaining("secret");
    assertThatThrownBy(() -> MlflowExport.send(runs, "user:secret@host:5000", "x"))
        .hasMessage(
            "--url is not an address; it must be that of an MLflow server, such as"
                + " http://localhost:5000");
  }

  @Test
  void whatGoesWrongWithAServerIsOneLine() throws IOException {
    for (String bad :
        List.of("localhost:5000", "ftp://a", "http://", "http://a b", "http://a?x=1", "")) {
      assertThatThrownBy(() -> MlflowExport.send(runs, bad, "x"))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "--url is '"
                  + bad
                  + "'; it must be that of an MLflow server, such as http://localhost:5000");
    }
    int free;
    try (ServerSocket socket = new ServerSocket(0)) {
      free = socket.getLocalPort();
    }
    assertThatThrownBy(() -> MlflowExport.send(runs, "http://127.0.0.1:" + free, "x"))
        .isInstanceOf(RunException.class)
        .hasMessage(
            "cannot connect to http://127.0.0.1:" + free + "; is an MLflow server running there?");
    assertThatThrownBy(() -> MlflowExport.send(runs, url() + "/other", "x"))
        .isInstanceOf(RunException.class)
        .hasMessage(
            url()
                + "/other answers 500 to experiments/get-by-name, and not with JSON; is an MLflow"
                + " server there?");
  }

  @Test
  void csvIsTwoTablesThatTheIdJoins() throws IOException {
    Path out = folder.resolve("csv");
    assertThat(RunExport.csv(runs, out, false))
        .containsExactly(out.resolve("runs.csv"), out.resolve("metrics.csv"));
    List<String> metrics = Files.readAllLines(out.resolve("metrics.csv"));
    assertThat(metrics.getFirst())
        .isEqualTo(
            "id,step,eval_loss,eval_tokens,loss,lr,grad_norm,tokens,trained_tokens,seconds,"
                + "tokens_per_s,rss_anon_mb");
    assertThat(metrics).hasSize(1 + 8);
    assertThat(metrics.get(2))
        .isEqualTo("20261101-100000-000000,1,,,2.0,1.0E-4,0.5,500,100,2.0,250.0,10.0");
    List<String> table = Files.readAllLines(out.resolve("runs.csv"));
    assertThat(table.getFirst())
        .startsWith("id,name,folder,state,started,model,method,quantize,steps,")
        .contains("settings.rank")
        .doesNotContain(",settings,");
    assertThat(table.get(2)).startsWith("20261101-100100-000001,\"b, \"\"two\"\"\",\"");
    assertThatThrownBy(() -> RunExport.csv(runs, out, false))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--out " + out + " holds runs.csv; give another folder, or --overwrite to replace it");
    RunExport.csv(runs, out, true);
  }

  @Test
  void jsonHoldsRunJsonAndEveryRow() throws IOException {
    Path out = folder.resolve("new/all.json");
    RunExport.json(runs, out, false);
    JsonNode all = Json.read(out).get("runs");
    assertThat(all).hasSize(2);
    assertThat(all.get(0).get("run")).isEqualTo(Json.read(folder.resolve("runs/a/run.json")));
    assertThat(all.get(1).get("metrics")).hasSize(4);
    assertThatThrownBy(() -> RunExport.json(runs, out, false))
        .hasMessage("--out " + out + " exists; give another name, or --overwrite to replace it");
    assertThatThrownBy(() -> RunExport.json(runs, folder, true))
        .hasMessage("--out " + folder + " is a folder; give the name of a file");
    assertThatThrownBy(() -> RunExport.json(runs, out.resolve("x.json"), true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(out + " is a file");
  }

  /// A checksum of the text of RFC 3720, B.4, then masked as TensorFlow does.
  @Test
  void checksumsAreThoseOfTheFormat() {
    byte[] zeros = new byte[32];
    int crc = 0x8a9136aa;
    int masked = (crc >>> 15 | crc << 17) + 0xa282ead8;
    assertThat(
            ByteBuffer.wrap(TensorBoardEvents.masked(zeros))
                .order(ByteOrder.LITTLE_ENDIAN)
                .getInt())
        .isEqualTo(masked);
  }

  @Test
  void anEventFileIsThatWhichTensorBoardHasRead() throws IOException {
    Path out = folder.resolve("tb");
    List<Path> files = RunExport.tensorBoard(runs, out, false);
    assertThat(files.getFirst()).isEqualTo(out.resolve("a/events.out.tfevents.1793527200.nudge"));
    byte[] bytes = Files.readAllBytes(files.getFirst());
    assertThat(HexFormat.of().formatHex(bytes))
        .isEqualTo(Files.readString(GOLDEN.resolve("events.hex")).strip());
    assertThatThrownBy(() -> RunExport.tensorBoard(runs, out, false))
        .hasMessageContaining("--out " + out + " holds a/events.out.tfevents");
  }

  @Test
  void runsOfOneNameAreFoldersOfTheirOwn() throws IOException {
    MadeRuns.finished(folder.resolve("other/a"), 5);
    List<StoredRun> two = List.of(runs.getFirst(), StoredRun.open(folder.resolve("other/a")));
    List<String> names = new ArrayList<>();
    for (Path file : RunExport.tensorBoard(two, folder.resolve("tb"), false)) {
      names.add(file.getName(file.getNameCount() - 2).toString());
    }
    assertThat(names).containsExactly("a-20261101-100000-000000", "a-20261101-100500-000005");
  }
}
