package dev.nudge.bench.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// A server in a child process, from its start until [#close].
public final class ServerProcess implements AutoCloseable {
  private static final String READY = "listening on ";
  private static final int SECONDS = 120;

  private final Process process;
  private final URI url;

  private ServerProcess(Process process, URI url) {
    this.process = process;
    this.url = url;
  }

  public URI url() {
    return url;
  }

  /// Starts `./nudge serve` and waits for it.
  public static ServerProcess nudge(List<String> flags) {
    List<String> command = new ArrayList<>();
    command.add(NudgeCommand.program());
    command.addAll(List.of("serve", "--port", "0"));
    command.addAll(flags);
    try {
      Process process = new ProcessBuilder(command).redirectInput(nothing()).start();
      BufferedReader said =
          new BufferedReader(
              new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
      List<String> lines = new ArrayList<>();
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        lines.add(line);
        int at = line.indexOf(READY);
        if (at >= 0) {
          drain(said);
          return new ServerProcess(process, URI.create(line.substring(at + READY.length())));
        }
      }
      throw new IllegalStateException("no server:\n" + String.join("\n", lines));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Starts llama.cpp's server and waits for health.
  ///
  /// @param streams concurrent answers
  public static ServerProcess llama(Path program, Path gguf, int streams, int threads, int context)
      throws InterruptedException {
    int port = freePort();
    List<String> command =
        List.of(
            program.toString(),
            "--model",
            gguf.toString(),
            "--port",
            "" + port,
            "--parallel",
            "" + streams,
            "--ctx-size",
            "" + context * streams,
            "--threads",
            "" + threads,
            "--threads-batch",
            "" + threads);
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectInput(nothing())
              .start();
      URI url = URI.create("http://127.0.0.1:" + port);
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
      while (process.isAlive() && System.nanoTime() < end) {
        if (isWell(url)) {
          return new ServerProcess(process, url);
        }
        Thread.sleep(100);
      }
      process.destroyForcibly();
      throw new IllegalStateException(program + " did not become ready");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isWell(URI url) throws InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest request = HttpRequest.newBuilder(url.resolve("/health")).build();
      return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  private static int freePort() {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ProcessBuilder.Redirect nothing() {
    return ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile());
  }

  private static void drain(BufferedReader said) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (said.readLine() != null) {
                  // discarded
                }
              } catch (IOException e) {
                // stream closed
              }
            });
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
