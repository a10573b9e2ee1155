/** 1–255 printable ASCII characters, as an HTTP header and AMQP's property can hold them. */
export const contentTypeForm = /^[\x20-\x7e]{1,255}$/

export const isContentType = (value: unknown): value is string =>
  typeof value === 'string' && contentTypeForm.test(value)
