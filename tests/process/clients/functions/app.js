// A function as people write them, with Datadog's library around it. It measures and traces what it does.
const { sendDistributionMetric } = require("datadog-lambda-js");
const tracer = require("dd-trace");

exports.handler = async (event) => {
  await tracer.trace("shop.order", { service: "shop", resource: "order", type: "web" }, async (order) => {
    order.setTag("http.url", "http://user:secret@shop.test/orders?id=7");
    const query = { service: "shop-db", resource: "SELECT * FROM orders WHERE id = 42", type: "sql" };
    await tracer.trace("shop.query", query, async () => {});
  });
  for (let number = 1; number <= 100; number++) sendDistributionMetric("shop.price", number, "currency:eur");
  if (event.fail) throw new Error("asked to fail");
  return { statusCode: 200, body: "{}" };
};
