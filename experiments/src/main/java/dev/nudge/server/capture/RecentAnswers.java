package dev.nudge.server.capture;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The latest captured answers by id, to find the folder for feedback.
///
/// Threading: any thread.
final class RecentAnswers {
  /// Most answers remembered; older ones no longer accept feedback.
  static final int MOST = 50_000;

  private final Map<String, RecentAnswer> byId = new LinkedHashMap<>(); // oldest first
  private final Map<String, String> byRequest = new HashMap<>(); // client/request → id

  /// @param adapter adapter with its version
  /// @param choices number of choices
  /// @param chat whether choices are messages
  record RecentAnswer(
      String client,
      String request,
      String id,
      String adapter,
      Path folder,
      int choices,
      boolean chat) {
    /// @param line captured line of the answer
    /// @param folder folder of its file
    static RecentAnswer of(JsonNode line, Path folder) {
      String adapter = line.path("adapter").asString("");
      return new RecentAnswer(
          line.path("client").asString(""),
          line.path("request_id").asString(""),
          line.path("id").asString(""),
          line.hasNonNull("version") ? adapter + ":" + line.get("version").asInt() : adapter,
          folder,
          line.path("answers").size(),
          line.path("prompt").isArray());
    }

    private String key() {
      return client + "/" + request;
    }
  }

  synchronized void add(RecentAnswer answer) {
    byId.put(answer.id, answer);
    byRequest.put(answer.key(), answer.id);
    if (byId.size() > MOST) {
      RecentAnswer eldest = byId.values().iterator().next();
      byId.remove(eldest.id);
      byRequest.remove(eldest.key(), eldest.id);
    }
  }

  /// Finds an answer of any client by its id; null if unknown.
  synchronized @Nullable RecentAnswer find(String id) {
    return byId.get(id);
  }

  /// Finds an answer of a client; null if the client has no answer with that id.
  synchronized @Nullable RecentAnswer find(String client, String id, boolean byRequest) {
    String answer = byRequest ? this.byRequest.get(client + "/" + id) : id;
    RecentAnswer kept = answer == null ? null : byId.get(answer);
    return kept == null || !kept.client.equals(client) ? null : kept;
  }
}
