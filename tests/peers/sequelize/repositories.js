/** What all repositories can do; every method takes Sequelize's options, so that a transaction reaches the query. */
export class BaseRepository {
  constructor(model) {
    this.model = model;
  }

  findById(id, options) {
    return this.model.findByPk(id, options);
  }

  findAll(where = {}, { limit = 1000, offset = 0, order = [['createdAt', 'DESC']], ...options } = {}) {
    return this.model.findAndCountAll({ where, limit, offset, order, ...options });
  }

  create(values, options) {
    return this.model.create(values, options);
  }

  async update(id, values, options) {
    return (await this.existing(id, options)).update(values, options);
  }

  async delete(id, options) {
    await (await this.existing(id, options)).destroy(options);
  }

  async existing(id, options) {
    const entity = await this.findById(id, options);
    if (!entity) throw new Error(`${this.model.name} ${id} does not exist`);
    return entity;
  }
}

export class UserRepository extends BaseRepository {
  findByEmail(email, options) {
    return this.model.findOne({ where: { email }, ...options });
  }
}
