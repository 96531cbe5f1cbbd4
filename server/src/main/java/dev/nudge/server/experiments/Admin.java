package dev.nudge.server.experiments;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Answers the requests of whoever runs the server: bodies of JSON in, maps out.
///
/// | call | what |
/// |---|---|
/// | `POST /v1/experiments` | [#create] |
/// | `GET /v1/experiments` | [#list] |
/// | `GET /v1/experiments/NAME` | [#show] |
/// | `POST /v1/experiments/NAME/stop` | [#stop] |
///
/// An [dev.nudge.settings.InputException] is 400, a [NoSuchException] 404, a
/// [dev.nudge.settings.RunException] 500.
public final class Admin {
  private static final String BY_HAND = "stopped by hand";

  private final Experiments experiments;

  /// @param experiments those of the server
  public Admin(Experiments experiments) {
    this.experiments = experiments;
  }

  /// Begins an experiment; 201.
  public Map<String, @Nullable Object> create(JsonNode body) {
    return experiments.create(body);
  }

  /// Lists all.
  public Map<String, @Nullable Object> list() {
    return listOf(experiments.list());
  }

  static Map<String, @Nullable Object> listOf(Object data) {
    Map<String, @Nullable Object> list = new LinkedHashMap<>();
    list.put("object", "list");
    list.put("data", data);
    return list;
  }

  /// Shows one.
  public Map<String, @Nullable Object> show(String name) {
    return experiments.show(name);
  }

  /// Stops one.
  ///
  /// @param body `arm`, which answers from now on, and `reason`, both optional; null: none
  public Map<String, @Nullable Object> stop(String name, @Nullable JsonNode body) {
    if (body == null) {
      return experiments.stop(name, null, BY_HAND);
    }
    CheckedFields fields = CheckedFields.of(body, "", "arm", "reason");
    String reason = fields.text("reason");
    return experiments.stop(name, fields.text("arm"), reason == null ? BY_HAND : reason);
  }
}
