package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Goldens;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import sun.misc.Signal;

/// Serves as the command does, from the line that says where to the signal that ends it.
@Timeout(1800)
class ServeTest {
  private static final Pattern READY =
      Pattern.compile("listening on (http://127\\.0\\.0\\.1:\\d+)\n");

  @TempDir Path folder;

  private static HttpResponse<String> post(URI url, String body, String key) {
    HttpRequest request =
        HttpRequest.newBuilder(url)
            .header("Authorization", "Bearer " + key)
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request, HttpResponse.BodyHandlers.ofString());
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void itServesWhatGenerateSaysUntilItIsToldToStop() throws Exception {
    Place place = Place.in(folder);
    place.copy(Goldens.ADAPTER, "adapter");
    String key = place.run("keys", "add", "acme", "--api-keys", "D/keys.json").out().strip();
    assertThat(Files.readString(place.path("keys.json"))).contains("acme").doesNotContain(key);
    assertThat(place.run("keys", "add", "acme", "--api-keys", "D/keys.json").err())
        .isEqualTo(
            "nudge: D/keys.json has a client 'acme' already; take it out of the file, or give"
                + " another name\n");
    Ran alone =
        place.answer(
            "generate", "--adapter", "D/adapter", "--prompt", "pump", "--max-tokens", "12");
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    String[] command = {
      "serve",
      "--model",
      folder + "/model",
      "--adapter",
      "one=" + folder + "/adapter",
      "--api-keys",
      folder + "/keys.json",
      "--registry",
      folder + "/registry",
      "--port",
      "0",
      "--threads",
      "1",
      "--compute",
      "fp32",
      "--json"
    };
    CompletableFuture<Integer> code =
        CompletableFuture.supplyAsync(
            () -> Main.run(command, new PrintStream(out), new PrintStream(err, true)));
    URI url = url(err, code);
    String body =
        "{\"model\": \"one\", \"prompt\": \"pump\", \"temperature\": 0, \"max_tokens\": 12}";
    assertThat(post(url.resolve("/v1/completions"), body, "other").statusCode()).isEqualTo(401);
    HttpResponse<String> reply = post(url.resolve("/v1/completions"), body, key);
    assertThat(reply.statusCode()).isEqualTo(200);
    String text =
        new tools.jackson.databind.ObjectMapper()
            .readTree(reply.body())
            .at("/choices/0/text")
            .asString();
    assertThat(text + "\n").isEqualTo(alone.out());
    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains(
            "\npage for browsers: "
                + url
                + "/ui\nmoves of aliases, loads and experiments: refused, as there is no"
                + " --admin-key-file\n");
    while (out.size() == 0 && !code.isDone()) {
      Thread.sleep(20);
    }
    Signal.raise(new Signal("TERM"));
    assertThat(code.get()).isEqualTo(143);
    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("{\"url\":\"" + url + "\"}\n");
  }

  private static URI url(ByteArrayOutputStream err, CompletableFuture<Integer> code)
      throws InterruptedException {
    while (!code.isDone()) {
      Matcher ready = READY.matcher(err.toString(StandardCharsets.UTF_8));
      if (ready.find()) {
        return URI.create(ready.group(1));
      }
      Thread.sleep(20);
    }
    throw new AssertionError(err.toString(StandardCharsets.UTF_8));
  }
}
