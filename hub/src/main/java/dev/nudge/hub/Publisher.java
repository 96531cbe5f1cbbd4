package dev.nudge.hub;

import dev.nudge.format.BoundedStream;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Writes files into a repository by the hub's commit API, as Python's client does: it creates the
/// repository, asks the hub which files are large, uploads these to the store by Git LFS's
/// protocol, and names all files in one commit.
///
/// A failure before the commit leaves the repository as it was.
final class Publisher {
  private static final String LFS = "application/vnd.git-lfs+json";
  private static final String JSON = "application/json";
  private static final int SAMPLE = 512; // bytes by which the hub recognises large files
  private static final int MOST = 16 << 20; // bytes of an answer
  private static final long MOST_REGULAR = 10 << 20; // bytes of a file within a commit

  private final HubClient client;
  private final HubSettings settings;
  private final HubListener listener;
  private final RepoName name;

  Publisher(HubClient client, HubSettings settings, HubListener listener, RepoName name) {
    this.client = client;
    this.settings = settings;
    this.listener = listener;
    this.name = name;
  }

  /// A file to publish.
  ///
  /// @param path path in the repository
  private record Upload(String path, Path file, long size, String sha256) {
    static Upload of(String path, Path file) throws IOException {
      long size = Files.size(file);
      try (InputStream in = Files.newInputStream(file)) {
        return new Upload(path, file, size, Part.digest(true, size, in));
      }
    }

    String base64(int most) throws IOException {
      try (InputStream in = Files.newInputStream(file)) {
        return Base64.getEncoder().encodeToString(in.readNBytes(most));
      }
    }
  }

  /// Publishes files.
  ///
  /// @param files the files by their paths in the repository
  /// @return the commit
  String publish(Map<String, Path> files, String message, boolean open) throws IOException {
    List<Upload> uploads = new ArrayList<>();
    for (Map.Entry<String, Path> file : new TreeMap<>(files).entrySet()) {
      uploads.add(Upload.of(file.getKey(), file.getValue()));
    }
    create(open);
    List<Upload> large = large(uploads);
    if (!large.isEmpty()) {
      store(large);
    }
    return commit(uploads, large, message);
  }

  private void create(boolean open) throws IOException {
    String[] id = name.id().split("/", 2);
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("name", id[1]);
    body.put("organization", id[0]);
    body.put("visibility", open ? "public" : "private");
    post(client.at("/api/repos/create"), Json.line(body), JSON, true);
  }

  private List<Upload> large(List<Upload> uploads) throws IOException {
    List<Map<String, Object>> files = new ArrayList<>();
    for (Upload upload : uploads) {
      Map<String, Object> file = new LinkedHashMap<>();
      file.put("path", upload.path());
      file.put("sample", upload.base64(SAMPLE));
      file.put("size", upload.size());
      files.add(file);
    }
    JsonNode answer =
        post(
            client.at("/api/models/%s/preupload/main".formatted(name.id())),
            Json.line(Map.of("files", files)),
            JSON,
            false);
    List<String> modes = new ArrayList<>();
    for (JsonNode file : answer.path("files")) {
      if (file.path("uploadMode").asString("").equals("lfs")) {
        modes.add(file.path("path").asString(""));
      }
    }
    return uploads.stream()
        .filter(
            upload ->
                upload.size() > MOST_REGULAR || upload.size() > 0 && modes.contains(upload.path()))
        .toList();
  }

  private void store(List<Upload> large) throws IOException {
    List<Map<String, Object>> objects = new ArrayList<>();
    for (Upload upload : large) {
      Map<String, Object> object = new LinkedHashMap<>();
      object.put("oid", upload.sha256());
      object.put("size", upload.size());
      objects.add(object);
    }
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("operation", "upload");
    body.put("transfers", List.of("basic", "multipart"));
    body.put("objects", objects);
    body.put("hash_algo", "sha256");
    body.put("ref", Map.of("name", RepoName.MAIN));
    JsonNode answer =
        post(
            client.at("/%s.git/info/lfs/objects/batch".formatted(name.id())),
            Json.line(body),
            LFS,
            false);
    long all = large.stream().mapToLong(Upload::size).sum();
    listener.begin(name, large.size(), all, settings.cache());
    long done = 0;
    for (JsonNode object : answer.path("objects")) {
      Upload upload =
          large.stream()
              .filter(l -> l.sha256().equals(object.path("oid").asString("")))
              .findFirst()
              .orElseThrow(() -> new RunException(name + ": the hub asks for an unknown file"));
      if (object.has("error")) {
        throw new RunException(
            "%s: the hub does not take %s: %s"
                .formatted(name, upload.path(), object.path("error").path("message").asString("")));
      }
      send(upload, object.path("actions"));
      done += upload.size();
      listener.progress(done, all);
    }
    listener.end();
  }

  /// Uploads a large file to the address that the hub returned, unless the hub has it.
  private void send(Upload upload, JsonNode actions) throws IOException {
    JsonNode to = actions.path("upload");
    if (!to.isObject()) {
      return;
    }
    String place = to.path("href").asString("");
    JsonNode header = to.path("header");
    long piece = header.path("chunk_size").asLong(0); // also if it is a string
    if (piece > 0) {
      pieces(upload, header, piece, place);
    } else {
      Map<String, String> headers = new LinkedHashMap<>();
      header.properties().forEach(h -> headers.put(h.getKey(), h.getValue().asString("")));
      put(upload, place, BodyPublishers.ofFile(upload.file()), headers);
    }
    JsonNode verify = actions.path("verify");
    if (verify.isObject()) {
      Map<String, Object> body = new LinkedHashMap<>();
      body.put("oid", upload.sha256());
      body.put("size", upload.size());
      post(address(verify.path("href").asString("")), Json.line(body), JSON, false);
    }
  }

  private void pieces(Upload upload, JsonNode header, long piece, String finish)
      throws IOException {
    TreeMap<Integer, String> places = new TreeMap<>();
    header
        .properties()
        .forEach(
            part -> {
              if (part.getKey().matches("\\d{1,6}")) {
                places.put(Integer.parseInt(part.getKey()), part.getValue().asString(""));
              }
            });
    if (places.size() != Math.ceilDiv(upload.size(), piece)) {
      throw new RunException(name + ": the hub asks for a file in pieces that do not make it up");
    }
    List<Map<String, Object>> sent = new ArrayList<>();
    long from = 0;
    for (String place : places.values()) {
      long count = Math.min(piece, upload.size() - from);
      String tag = put(upload, place, piece(upload.file(), from, count), Map.of());
      Map<String, Object> part = new LinkedHashMap<>();
      part.put("partNumber", sent.size() + 1);
      part.put("etag", tag);
      sent.add(part);
      from += count;
    }
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("oid", upload.sha256());
    body.put("parts", sent);
    post(address(finish), Json.line(body), LFS, false);
  }

  /// Sends bytes to a presigned address, so without the token.
  ///
  /// @return the `ETag` of the answer
  private String put(Upload upload, String place, BodyPublisher body, Map<String, String> headers)
      throws IOException {
    Attempts attempts = client.attempts(name + ": " + upload.path(), listener);
    URI address = address(place);
    while (true) {
      try (HubClient.Answer answer = client.send("PUT", address, body, headers, false)) {
        if (answer.status() / 100 == 2) {
          return answer.header("ETag");
        }
        if (!Attempts.isPassing(answer.status())) {
          throw HubErrors.of(answer, name, settings);
        }
        attempts.answered(answer.response());
      } catch (IOException e) {
        attempts.failed(e);
      }
    }
  }

  private URI address(String text) {
    URI address = HubClient.from(settings.endpoint(), text);
    if (address == null) {
      throw new RunException(name + ": the hub names a place that files are not sent to");
    }
    return address;
  }

  private String commit(List<Upload> uploads, List<Upload> large, String message)
      throws IOException {
    StringBuilder lines = new StringBuilder();
    Map<String, Object> header = new LinkedHashMap<>();
    header.put("summary", message);
    header.put("description", "");
    line(lines, "header", header);
    for (Upload upload : uploads) {
      Map<String, Object> value = new LinkedHashMap<>();
      if (large.contains(upload)) {
        value.put("path", upload.path());
        value.put("algo", "sha256");
        value.put("oid", upload.sha256());
        value.put("size", upload.size());
        line(lines, "lfsFile", value);
      } else {
        value.put("content", upload.base64((int) MOST_REGULAR));
        value.put("path", upload.path());
        value.put("encoding", "base64");
        line(lines, "file", value);
      }
    }
    JsonNode answer =
        post(
            client.at("/api/models/%s/commit/main".formatted(name.id())),
            lines.toString(),
            "application/x-ndjson",
            false);
    String commit = answer.path("commitOid").asString("");
    if (!RepoName.isCommit(commit)) {
      throw new RunException(name + ": the hub names no commit of what was sent");
    }
    return commit;
  }

  private static void line(StringBuilder lines, String key, Map<String, Object> value) {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("key", key);
    line.put("value", value);
    lines.append(Json.line(line)).append('\n');
  }

  /// Posts to the hub's own API, with retries.
  ///
  /// @param exists whether 409 (already exists) counts as success
  private JsonNode post(URI address, String body, String type, boolean exists) throws IOException {
    Attempts attempts = client.attempts(name.toString(), listener);
    Map<String, String> headers =
        type.equals(LFS)
            ? Map.of("Content-Type", type, "Accept", LFS)
            : Map.of("Content-Type", type);
    while (true) {
      HubClient.Answer sent;
      try {
        sent = client.send("POST", address, BodyPublishers.ofString(body), headers, true);
      } catch (HubClient.Unreachable e) {
        throw e;
      } catch (IOException e) {
        attempts.failed(e);
        continue;
      }
      try (HubClient.Answer answer = sent) {
        if (Attempts.isPassing(answer.status())) {
          attempts.answered(answer.response());
          continue;
        }
        if (answer.status() / 100 != 2 && !(exists && answer.status() == 409)) {
          throw refused(answer);
        }
        byte[] said = Silence.read(answer.response().body(), MOST, settings.timeout());
        return Json.parse(said.length == 0 ? "{}" : new String(said, StandardCharsets.UTF_8));
      } catch (JacksonException e) {
        throw new RunException(name + ": the hub answered with something else than JSON", e);
      }
    }
  }

  private RuntimeException refused(HubClient.Answer answer) throws IOException {
    return answer.status() == 401 || answer.status() == 403
        ? new InputException(
            "%s refuses to write %s (%d); give HF_TOKEN of an account that may, with the right to write"
                .formatted(settings.endpoint(), name, answer.status()))
        : HubErrors.of(answer, name, settings);
  }

  /// Returns a piece of a file as the body of a request.
  private static BodyPublisher piece(Path file, long from, long count) {
    return BodyPublishers.fromPublisher(
        BodyPublishers.ofInputStream(
            () -> {
              try {
                InputStream in = Files.newInputStream(file);
                in.skipNBytes(from);
                return new BoundedStream(in, count);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            }),
        count);
  }
}
