package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** A function as people write them. It knows nothing of tracing: a variable names the methods. */
public class App implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        order();
        if (Boolean.TRUE.equals(event.get("fail"))) {
            throw new IllegalStateException("asked to fail");
        }
        return Map.of("statusCode", 200, "body", "{}");
    }

    private void order() {
        query();
    }

    private void query() {}
}
