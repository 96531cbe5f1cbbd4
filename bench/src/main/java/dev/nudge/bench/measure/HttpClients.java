package dev.nudge.bench.measure;

import dev.nudge.format.Json;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import tools.jackson.databind.JsonNode;

/// Streams completions from an OpenAI-compatible server.
public final class HttpClients implements AutoCloseable {
  private final HttpClient client = HttpClient.newHttpClient();
  private final ExecutorService each = Executors.newVirtualThreadPerTaskExecutor();
  private final URI url;

  /// A request.
  ///
  /// @param model empty: the server's own
  public record Ask(String model, String prompt, int tokens) {}

  /// An answer's times, in seconds since the request.
  ///
  /// @param first until the first text
  /// @param tokens from the server's usage
  public record Took(double first, double last, int tokens) {}

  public HttpClients(URI url) {
    this.url = url;
  }

  /// Sends all requests, some at once.
  public List<Took> all(List<Ask> asks, int atOnce) throws Exception {
    List<Took> took = new ArrayList<>();
    List<Future<List<Took>>> streams = new ArrayList<>();
    for (int s = 0; s < atOnce; s++) {
      int from = s;
      streams.add(
          each.submit(
              () -> {
                List<Took> own = new ArrayList<>();
                for (int i = from; i < asks.size(); i += atOnce) {
                  own.add(one(asks.get(i)));
                }
                return own;
              }));
    }
    for (Future<List<Took>> stream : streams) {
      took.addAll(stream.get());
    }
    return took;
  }

  /// Requests exactly `tokens` tokens, greedily.
  public Took one(Ask ask) throws IOException, InterruptedException {
    Map<String, Object> body = new LinkedHashMap<>();
    if (!ask.model.isEmpty()) {
      body.put("model", ask.model);
    }
    body.put("prompt", ask.prompt);
    body.put("max_tokens", ask.tokens);
    body.put("temperature", 0);
    body.put("ignore_eos", true);
    body.put("stream", true);
    body.put("stream_options", Map.of("include_usage", true));
    HttpRequest request =
        HttpRequest.newBuilder(url.resolve("/v1/completions"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(Json.line(body)))
            .build();
    long start = System.nanoTime();
    HttpResponse<InputStream> response =
        client.send(request, HttpResponse.BodyHandlers.ofInputStream());
    double first = 0;
    double last = 0;
    int tokens = 0;
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      if (response.statusCode() != 200) {
        throw new IllegalStateException(response.statusCode() + " " + lines.readLine());
      }
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith("data: {")) {
          continue;
        }
        double now = (System.nanoTime() - start) / 1e9;
        JsonNode event = Json.parse(line.substring("data: ".length()));
        if (!event.path("choices").path(0).path("text").asString("").isEmpty()) {
          first = first == 0 ? now : first;
          last = now;
        }
        if (event.has("error")) {
          throw new IllegalStateException(line);
        }
        tokens = event.path("usage").path("completion_tokens").asInt(tokens);
      }
    }
    if (tokens != ask.tokens || first == 0) {
      throw new IllegalStateException("%d tokens came, not %d".formatted(tokens, ask.tokens));
    }
    return new Took(first, last, tokens);
  }

  @Override
  public void close() {
    each.close();
    client.close();
  }
}
