$client = new \GuzzleHttp\Client(['base_uri' => 'https://api.sms-voip.local']);
$resp = $client->post('/api/v1/sms/send', [
  'headers' => ['Authorization' => 'Bearer sk_live_key'],
  'json' => ['to' => '+15551234567', 'text' => 'Hi!']
]);
